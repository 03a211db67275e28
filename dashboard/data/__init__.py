"""What the dashboard's pages show, read from the `report_*` views alone: filters, figures, lists."""
