"""The chart that a reader explores, first on the page of a report: any cost against any error, and learning curves.

rows      what is drawn, as plain rows, and what axes and colours may show
pairs     every two networks compared
chart     the charts in Vega-Lite by Altair; a notebook shows them as they are (`report.plots.explore`)
vega      the same compiled for the page, with names that Vega places, and Vega's own script
section   the HTML: controls, data, and explorer.js, which draws and keeps the view in the address
"""

from cnn_bench.report.explorer.section import html

__all__ = ['html']
