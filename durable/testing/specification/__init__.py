"""THE MEANING: what a program does, as an interpreter of the paper's high-level model.

The source is "Durable Functions: Semantics for Stateful Serverless" (OOPSLA 2021), section 4,
extended by rules of our own where the paper has none. Each rule names its source: the paper, or
"ours, decision N", which is N in docs/semantics.md. Here lives a second opinion: nothing of the
engine, of replay or of a store is known, only the language (durable/testing/programs/syntax.py).
`orchestrations` is one execution, `hub` a whole task hub, `outcomes` all that a program can come
to.
"""
