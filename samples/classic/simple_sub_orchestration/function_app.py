"""A classic app: the functions are in the folders beside this file, each with a function.json."""

import durable.functions as df

app = df.DFApp.from_function_json()
