"""A classic app: the functions are in the folders beside this file, each with a function.json.

This file is all that such an app adds.
"""

import durable.functions as df

app = df.DFApp.from_function_json()
