"""What runs and measurements show, as numbers: nothing here draws or writes a page."""
