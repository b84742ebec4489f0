// Keeps a page fresh. When something happened, the same page is asked for
// again, and the parts marked data-live take the old ones' place: the server
// alone knows how things are shown.
'use strict';

(() => {
  const main = document.getElementById('main');
  const announcement = document.getElementById('announcement');
  const connection = document.getElementById('connection');
  const pauseAfterEvent = 300; // ms; a burst of events is one refresh
  const pollJob = 2000;

  const changed = new Set(); // members whose sponsorship changed
  let news = '';
  let timer = 0;
  let refreshing = false;
  let again = false;
  let source = null;

  const say = (text) => { announcement.textContent = text; };
  const connected = (text) => { if (connection) connection.textContent = text; };
  const later = (delay) => { timer ||= setTimeout(refresh, delay); };

  async function refresh() {
    timer = 0;
    if (refreshing) {
      again = true;
      return;
    }
    refreshing = true;
    try {
      const response = await fetch(location.href, { cache: 'no-store' });
      if (response.status === 401) {
        location.reload(); // signed out: the page is the sign-in form now
        return;
      }
      if (response.ok) show(new DOMParser().parseFromString(await response.text(), 'text/html'));
    } catch {
      // away for a moment; the event stream reconnects and tells
    } finally {
      refreshing = false;
    }
    if (again) {
      again = false;
      later(pauseAfterEvent);
    } else if (document.querySelector('[data-poll]')) {
      later(pollJob);
    }
  }

  function show(fresh) {
    for (const old of document.querySelectorAll('[data-live]')) {
      const next = fresh.getElementById(old.id);
      if (!next || next.innerHTML === old.innerHTML) continue;
      const focused = old.contains(document.activeElement) ? document.activeElement.id : '';
      old.replaceChildren(...next.childNodes);
      if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
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

  function listen() {
    if (source || !main.dataset.events) return;
    source = new EventSource(main.dataset.events);
    source.onopen = () => connected('Live: changes appear by themselves.');
    source.onerror = () => {
      connected('Not connected; trying again. Reload the page to see changes.');
      if (source?.readyState === EventSource.CLOSED) { // refused, not interrupted
        source = null;
        later(pauseAfterEvent);
      }
    };
    source.addEventListener('state', (event) => {
      const late = JSON.parse(event.data).state === 'late';
      connected(late ? 'Changes appear later: events cannot be read at the moment.' : 'Live: changes appear by themselves.');
    });
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

  if (main.dataset.every) {
    setInterval(() => { if (!document.hidden) refresh(); }, main.dataset.every * 1000);
  }
  if (document.querySelector('[data-poll]')) later(pollJob);
  if (!document.hidden) listen();
})();
