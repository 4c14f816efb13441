"""HTTP and jobs around core: a link or a file in, a check out.

The database is the truth, the broker only a doorbell. `app` wires the web side, `runner` the side that does the work;
`store` changes checks for those who ask, `queue` for workers, `reviews` for people who decide.
"""
