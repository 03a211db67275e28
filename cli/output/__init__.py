"""What the commands print: tables, rejections, checks."""
