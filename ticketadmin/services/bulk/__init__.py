"""Bulk updates: one set of changes for many tickets.

    choosing    template → cells, columns, rows    what an uploaded table asks for, ticket by ticket
    deciding    runs, seal, reversals              made, checked, confirmed, paused, cancelled, undone
    working     engine → lease, claims, threads, items, pace, rollout    who works on which ticket when
                planning, proofs → lists                                 many tickets read by one call
    watching    progress                           how far it is, what became of each ticket

Each ticket of a run is a `save_ticket`, with its checks, proof and record.
"""
