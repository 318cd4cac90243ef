"""The HTML report: one file that works offline, made by jinja2 from the results."""
