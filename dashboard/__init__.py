"""The page that a person looks at: the score, live, in a browser. Imports scorekeeper, never Prefect."""
