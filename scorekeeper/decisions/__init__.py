"""What a decision is, and how one is read from a document. Pure."""
