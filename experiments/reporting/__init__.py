"""The report: from predictions.csv to tables, figures and one page."""
