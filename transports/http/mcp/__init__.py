"""What agents ask by the Model Context Protocol: its tools, and the official package behind one route.

Only ``serving`` knows that package. It is loaded when ``/mcp`` is first asked: it takes half a second and 29 MB.
"""
