"""The commands of the command line, one a module.

Each module has `add(commands)`, which registers its sub-parser and the function that
runs it. Imports that take time stand inside the functions: a command pays for its own.
"""
