"""PROGRAMS AS DATA: what an app does, as values that can be made at random, shrunk and compared.

Here live the language (`syntax`), what runs a program as code on the engine (`code`) and without
any engine (`direct`), and programs written by hand or drawn by Hypothesis. What a program *means*
is said in durable/testing/specification alone; nothing here knows a world, a fault or an oracle.
"""
