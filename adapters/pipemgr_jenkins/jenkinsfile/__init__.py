"""Jenkinsfiles: the tree of their sections, stages and steps, its rules, and both ways between it and a pipeline."""
