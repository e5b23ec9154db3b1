"""`make demo`: the gateway's promises as short stories, played on real parts, with what came of each."""
