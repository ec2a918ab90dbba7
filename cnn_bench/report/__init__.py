"""Reports: tables, charts and a page of what `analysis` finds, as pure functions of the data.

data            the data of a report, read from a directory of runs
together        those of several directories, and published results, as one
ensemble_words, tuning_words, recipe_words   ensembles, tuning and gains by recipe in sentences and tables
tables          a table, described once, as Markdown, LaTeX and on the page; runs as CSV
charts/         the charts, each plain data that is drawn later
explorer/       the chart on the page that a reader explores
page/           the HTML page
canziani/       the ten figures of Canziani et al. 2017
write           all of it as files; watch writes them again when the runs change
plots           the charts for notebooks: DataFrames in, a Figure out
"""
