"""THE WORLD: what proves the engine, and what users may test their own orchestrations with.

`programs` are apps as data, `specification` says what they mean, `world` is a hub whose every
storage call can go wrong, `oracles` judge what it accepts, `simulation` runs experiments. Nothing
here runs in production, and production code has no hook for it: the gaps between port calls are the
crash points.
"""
