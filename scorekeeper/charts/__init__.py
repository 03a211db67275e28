"""What a chart shows. Pure."""
