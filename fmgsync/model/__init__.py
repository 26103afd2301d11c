"""The values that travel between the layers: frozen, comparable, without I/O.

Import types by name from the module that tells their story:
`address`, `labels`, `endpoint`, `rule`, `target`, `state`, `change`, `rollout`, `view`.
"""
