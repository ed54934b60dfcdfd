"""Runs of Junjo's workflows and agents, read from the spans of a trace."""
