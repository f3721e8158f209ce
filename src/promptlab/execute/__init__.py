"""Suite x prompt x base model x repeat -> outputs and scores.

plan          what will run, checked before anything is sent; forecast: what that would take
session       a run's rows: begun, kept alive, ended; resume: taken up again
engine        all cells of a run: which side by side, which in turn, how it stops
chunks        a page of cases: what has an answer is stored, for the rest calls begin
asking        who asks and who waits for the same call (flights)
calling       one call through its attempts: pace, budget, journal
storing       ended cells scored, stored, counted; rescoring: without a call
evaluate      all of it, from plan to result
trial         one answer a base model, side by side, for the playground and `promptlab try`
"""
