"""Charts. Each is a ChartSpec (spec), plain data from which it is drawn; `catalogue` has them by name.

scatter/    error against a cost
learning    error against epoch
density     accuracy per parameter
forest      differences from the baseline
overlap     which errors networks share
ensembles   networks and their ensembles, as a scatter chart
tuning      the expected best of n tuning trials
bars        one number per network, one colour per group
blobs       one number against another in panels, with a fitted line
absent      what stands in the place of a chart that the data do not allow
lines       one number against another, a line per network, its name beside it
rows        the frame of charts with a row per network; style: how all charts look
saving      a chart as PNG, SVG and PDF
"""
