"""The networks: one architecture family a file, `registry` with their names, `layers` and `blocks` that they share."""
