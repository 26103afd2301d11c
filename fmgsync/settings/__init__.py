"""YAML in, a checked configuration out, or every problem at once with path and line.

`load` reads, `schema` says what may be written, `checks` how the parts must fit together,
`rules` turns it into the values that travel.
Nothing is imported here: pydantic is slow to load and many commands do not need it.
"""
