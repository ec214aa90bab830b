// Package folio gives each request its folio: never lost, never used twice.
//
// Two kinds of objects decide, both written create-only or by compare-and-set:
//
//	claims/F  who holds folio F: the request's key and all that is needed to finish its document
//	req/K     which folio belongs to key K; created once, never changed
//
// Bind claims the lowest folio that is free and then creates req/K. Where two processes work on one
// key, one req/K is created; the other's claim is set free. A claim is freed only by who has seen
// that req/K names another folio, never because req/K is missing: a claim without a request is an
// order whose process died, and the sweeper binds it. Each step may be done by anybody, any number
// of times, and a process may die between any two.
//
// Hints, which may be stale, doubled or lost, only save reading: freed/F (the claim may be free),
// marks/ (below it all is finished), and the cursor in memory.
package folio
