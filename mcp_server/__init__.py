"""The score as tools of an agent: an MCP server that only reads.

tools.py has the tools, schemas.py what they answer with, reading.py one transaction of a reader, quoted.py how text of
strangers is shown, fitting.py how an answer stays small, server.py puts them together.
"""
