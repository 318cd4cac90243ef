"""The HTML report: one file that works offline, made by jinja2 from what the results say."""
