"""What runs and measurements show, as numbers and verdicts, for reports, commands, notebooks and tests.

summary         the tidy table of `runs.columns` summarised to a row per configuration
by_epoch        errors by epoch, over seeds
verdicts        hypotheses tested, variants compared with a baseline
pairs           every two networks compared
ensembles       ensembles of runs, their probabilities averaged
overlap         which errors networks have in common
tuning          what was tuned and whether it changed the ranking
other_recipes   how recipes differ, and runs that do not stand for a variant of their sweep
measured        measured rows joined to runs or networks
recipe_gains    how much of what networks gained is recipe, how much architecture
published       figures that others published for networks of the registry
lineage         families of networks that grew out of one another
canziani/       the findings of Canziani, Paszke and Culurciello 2017, judged by measured rows
"""
