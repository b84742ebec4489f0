// Keeps a page fresh. When something happened, and every few seconds, the same page is
// asked for again, and the parts marked data-live take the old ones' place: the server
// alone knows how things are shown. Where that does not work the page says so, and its
// buttons are off.
'use strict';

(() => {
  const main = document.getElementById('main');
  const announcement = document.getElementById('announcement');
  const live = document.getElementById('live');
  const stale = document.getElementById('stale');
  const pauseAfterEvent = 300; // ms; a burst of events is one refresh
  const pollJob = 700;
  const pollLost = 3000;
  const every = Number(main.dataset.every || 0) * 1000;

  const changed = new Set(); // members whose sponsorship changed
  const raw = new Map(); // what the server sent for a part, before its times were put into words of here
  let shownAt = new Date();
  let stream = main.dataset.events ? 'connecting' : 'none';
  let lost = '';
  let news = '';
  let timer = 0;
  let refreshing = false;
  let again = false;
  let source = null;

  const say = (text) => { announcement.textContent = text; };
  const later = (delay) => { timer ||= setTimeout(refresh, delay); };
  const clock = (at) => new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' }).format(at);

  // Says how live the page is: never more than it is.
  function tell() {
    if (!live) return;
    let state = 'live', text = 'Live';
    if (lost) [state, text] = ['lost', `Not live: as of ${clock(shownAt)}`];
    else if (stream === 'none') text = `Refreshed every ${every / 1000} s`;
    else if (stream !== 'live') [state, text] = ['late', `Refreshed every ${every / 1000} s: live events are late`];
    if (live.dataset.state !== state || live.textContent !== text) {
      live.dataset.state = state;
      live.textContent = text;
    }
    stale.hidden = !lost;
    const warning = lost && `${lost} What you see is from ${clock(shownAt)}; buttons are off until it is back.`;
    if (warning && stale.textContent !== warning) stale.textContent = warning;
    for (const button of main.querySelectorAll('form[method=post] button')) button.disabled = Boolean(lost);
  }

  // Times in the words of here; what the server wrote stays at hand.
  function localize(root) {
    for (const time of root.querySelectorAll('time[datetime]')) {
      const at = new Date(time.dateTime);
      time.title = 'ago' in time.dataset ? at.toUTCString() : time.textContent;
      if ('ago' in time.dataset || 'day' in time.dataset) continue;
      time.textContent = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }).format(at);
    }
  }

  async function refresh() {
    timer = 0;
    if (refreshing) {
      again = true;
      return;
    }
    refreshing = true;
    const began = performance.now();
    try {
      const response = await fetch(location.href, { cache: 'no-store', headers: { 'X-Refresh': 'page' }, signal: AbortSignal.timeout(8000) });
      if (response.status === 401) {
        location.reload(); // signed out: the page is the sign-in form now
        return;
      }
      if (response.ok) {
        lost = '';
        shownAt = new Date();
        show(new DOMParser().parseFromString(await response.text(), 'text/html'));
      } else {
        lost = response.status === 503 ? 'Redis does not answer.' : 'The server has a problem.';
      }
    } catch {
      lost = 'The server does not answer.';
    } finally {
      refreshing = false;
    }
    tell();
    const rest = Math.min(performance.now() - began, 5000); // who is slow is asked less often
    if (again) {
      again = false;
      later(pauseAfterEvent + rest);
    } else if (lost) {
      later(pollLost);
    } else if (document.querySelector('[data-poll]')) {
      later(pollJob + rest);
    }
  }

  // Somebody who is typing or answering a question is not disturbed.
  const busy = (part) => part.querySelector('details.ask[open]') ||
    (part.contains(document.activeElement) && document.activeElement.matches('input'));

  function show(fresh) {
    for (const old of document.querySelectorAll('[data-live]')) {
      const next = fresh.getElementById(old.id);
      if (!next || next.innerHTML === raw.get(old.id) || busy(old)) continue;
      raw.set(old.id, next.innerHTML);
      const open = [...old.querySelectorAll('details')].map((details) => details.open);
      const focused = old.contains(document.activeElement) ? document.activeElement.id : '';
      old.className = next.className;
      old.replaceChildren(...next.childNodes);
      old.querySelectorAll('details').forEach((details, i) => { details.open ||= Boolean(open[i]); });
      if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
      localize(old);
    }
    main.dataset.events = fresh.getElementById('main')?.dataset.events ?? '';
    announce();
  }

  function announce() {
    if (document.querySelector('.notice')) news = ''; // the notice speaks for itself
    const rows = [...changed].map((user) => document.querySelector(`tr[data-user="${CSS.escape(user)}"]`)).filter(Boolean);
    for (const row of rows) row.classList.add('changed');
    if (changed.size === 1 && rows.length === 1) {
      say(`${rows[0].querySelector('.name').textContent}: ${rows[0].querySelector('.status').textContent}. ${news}`.trim());
    } else if (changed.size > 0) {
      say(`${changed.size} ${changed.size === 1 ? 'sponsorship' : 'sponsorships'} changed. ${news}`.trim());
    } else if (news) {
      say(news);
    }
    changed.clear();
    news = '';
  }

  function flows(state) {
    stream = state;
    tell();
  }

  function listen() {
    if (source || !main.dataset.events) return;
    source = new EventSource(main.dataset.events);
    source.onopen = () => flows('live');
    source.onerror = () => {
      flows('late');
      if (source?.readyState === EventSource.CLOSED) { // refused, not interrupted
        source = null;
        later(pollLost);
      }
    };
    source.addEventListener('state', (event) => flows(JSON.parse(event.data).state));
    for (const status of ['pending', 'sent', 'redeemed', 'expiring', 'removed', 'refused', 'expired']) {
      source.addEventListener(`sponsorsync.sponsorship.${status}`, (event) => {
        changed.add(JSON.parse(event.data).data.organizationUserId);
        later(pauseAfterEvent);
      });
    }
    for (const [type, text] of [
      ['sync.succeeded', 'The sync is done.'], ['sync.failed', 'The sync failed.'],
      ['license.synced', 'The license is synced.'], ['license.failed', 'The license sync failed.'],
      ['bridge.held', 'The bridge waits for somebody to look.'], ['bridge.resumed', 'The bridge goes on.'],
    ]) {
      source.addEventListener(`sponsorsync.${type}`, () => {
        news = text;
        later(pauseAfterEvent);
      });
    }
  }

  // A browser opens only a few connections to a host: hidden pages give theirs up.
  document.addEventListener('visibilitychange', async () => {
    if (document.hidden) {
      source?.close();
      source = null;
    } else {
      await refresh();
      listen();
    }
  });

  for (const part of document.querySelectorAll('[data-live]')) raw.set(part.id, part.innerHTML);
  localize(document);
  if (every) {
    setInterval(() => { if (!document.hidden) refresh(); listen(); }, every);
    tell();
  }
  if (document.querySelector('[data-poll]')) later(pollJob);
  if (!document.hidden) listen();
  document.getElementById('outcome')?.focus({ preventScroll: true }); // whoever pressed a button goes on from what came of it
})();
