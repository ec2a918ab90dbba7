"""Measured rows as Canziani, Paszke and Culurciello 2017 (arXiv 1605.07678) look at them, and their findings.

data       measured networks, and how accurate each is
accuracy   accuracy of networks, published or of our own runs
claims     the paper's findings, judged by the data at hand
"""
