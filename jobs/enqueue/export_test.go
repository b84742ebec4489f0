package enqueue

// StatusOf lets tests see states that take a worker to bring about.
var StatusOf = statusOf
