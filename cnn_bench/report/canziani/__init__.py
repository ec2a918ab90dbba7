"""The ten figures of Canziani, Paszke and Culurciello 2017 (arXiv 1605.07678) from measured rows (`analysis.canziani`).

by_network figures 1 and 10; by_batch 3 to 5; against 2 and 6 to 9
notes      what each figure lacks, in words
write      the figures, the page and claims.json as files
"""
