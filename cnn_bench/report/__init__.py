"""Reports: tables, charts, verdicts and a page from the tidy table of `runs.columns`, as pure functions of the data.

data            the data of a report, read from a directory of runs
together        those of several directories, and published results, as one
summary         the tidy table summarised to a row per configuration
verdicts        hypotheses tested, variants compared with a baseline
ensembles       ensembles of runs, their probabilities averaged; ensemble_words puts them in sentences
tuning          what was tuned and whether it changed the ranking; tuning_words puts it in sentences and tables
other_recipes   runs of a sweep that do not stand for its variants
published       figures that others published for networks of the registry
format, tables  how numbers and tables are written: CSV, Markdown, LaTeX
charts/         the charts, each plain data that is drawn later
page/           the HTML page
write           all of it as files; watch writes them again when the runs change
plots           the charts for notebooks: DataFrames in, a Figure out
"""
