// Package alert tells an admin who watches no metrics what has to be acted on: it
// posts a Standard Webhook to SPONSORSYNC_ALERT_URL when something begins, once a day
// while it lasts, and when it is over.
//
// It goes by what is the case, not by what happened: each look at the whole is held
// against what was told before, which is kept in Redis, so that any number of
// processes tell each thing once, and what could not be delivered is told by a later
// look. It blocks nobody, changes nothing else, and no message holds an address, a
// token or a key.
package alert
