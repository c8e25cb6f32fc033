"""Bulk updates: one set of changes for many tickets.

    choosing    template → cells, columns, rows    the changes of an uploaded table, ticket by ticket
    deciding    runs, seal, reversals              create, check, confirm, pause, cancel, undo
    working     engine → lease, claims, threads, items, pace, rollout    who works on which ticket when
                planning, proofs → lists                                 many tickets read by one call
    watching    progress                           how far it is, and the outcome of each ticket

Each ticket of a run is a `save_ticket`, with its checks, proof and record.
"""
