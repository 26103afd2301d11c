"""Passes: look once, think once, do one thing, write down what was done.

Joins the layers below and does none of their work.
"""
