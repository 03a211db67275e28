"""A trade's life.

fetch.py brings the candles that open trades need. settle.py closes what they decide, and marks what stays open.
close_requests.py notes that a person asks for a close.
"""
