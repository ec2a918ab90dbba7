"""The page of a report: render fills page.html with sections (texts and rows) and svg (the charts)."""
