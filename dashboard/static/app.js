// What a page does beyond HTML: it hears that something has changed, asks for its own address again, and takes over what
// differs. Focus, scroll, open details and zoomed charts stay. Everything else works without this file.
'use strict';
(() => {
  const live = document.getElementById('live');
  const BEAT = 5000; // the server says something every two seconds; after five without, the connection is lost
  const POLL = 30000; // how often a page asks by itself where no stream is to be had
  let source = null, heard = 0, watch = 0, poll = 0, asking = false, again = false, lastState = null;

  // --- where things stand, in words ---
  function say(state, words) {
    if (!live || (live.dataset.state === state && live.querySelector('.words').textContent === words)) return;
    live.dataset.state = state;
    live.querySelector('.words').textContent = words;
    lastState = state;
  }
  const lost = () => say('lost', 'Not live: the connection to the dashboard is lost. Trying again.');

  // --- times of this browser ---
  function localTimes(root) {
    if (document.documentElement.dataset.tz !== 'local') return;
    const two = n => String(n).padStart(2, '0');
    for (const one of root.querySelectorAll('time[datetime]')) {
      if (one.dataset.form === 'day' || one.dataset.done === one.getAttribute('datetime')) continue;
      const at = new Date(one.getAttribute('datetime'));
      if (isNaN(at)) continue;
      const offset = -at.getTimezoneOffset(), sign = offset < 0 ? '\u2212' : '+', hours = Math.abs(offset) / 60;
      one.textContent = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:`
        + two(at.getMinutes()) + (one.dataset.form === 'second' ? ':' + two(at.getSeconds()) : '')
        + ` UTC${sign}${Math.floor(hours)}${hours % 1 ? ':' + two((hours % 1) * 60) : ''}`;
      one.dataset.done = one.getAttribute('datetime');
    }
    const zone = document.querySelector('[data-zone]');
    if (zone) zone.textContent = `of this browser (${Intl.DateTimeFormat().resolvedOptions().timeZone})`;
  }

  // --- open details are kept for the next page of this tab ---
  function keepDetails() {
    for (const one of document.querySelectorAll('details[data-open]')) {
      const name = 'open:' + one.dataset.open;
      try { if (sessionStorage.getItem(name)) one.open = true; } catch { /* no storage here */ }
    }
  }
  document.addEventListener('toggle', event => {
    const one = event.target;
    if (!one.matches || !one.matches('details[data-open]')) return;
    try { one.open ? sessionStorage.setItem('open:' + one.dataset.open, '1') : sessionStorage.removeItem('open:' + one.dataset.open); } catch { /* no storage here */ }
  }, true);

  // --- a form sends only what was filled in, so that addresses stay short ---
  document.addEventListener('submit', event => {
    if (!event.target.matches('form[data-drop-empty]')) return;
    for (const one of event.target.elements) if (one.name && one.value === '') one.disabled = true;
  });
  addEventListener('pageshow', () => { for (const one of document.querySelectorAll('form [disabled]')) one.disabled = false; });

  // --- the same address again, and what differs into this page ---
  async function refresh() {
    if (asking) { again = true; return; }
    asking = true;
    try {
      const answer = await fetch(location.href, {headers: {Accept: 'text/html'}, credentials: 'same-origin', redirect: 'manual'});
      if (answer.type === 'opaqueredirect') { say('lost', 'Not live: log in again.'); return; }
      const next = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById('main');
      const main = document.getElementById('main');
      if (!next || !main || next.dataset.key === main.dataset.key) return;
      swap(main, next);
    } catch { lost(); } finally {
      asking = false;
      if (again) { again = false; refresh(); }
    }
  }
  function swap(main, next) {
    localTimes(next);
    for (const one of main.querySelectorAll('details')) { // what the reader has opened or closed
      const twin = one.dataset.open && next.querySelector(`details[data-open="${CSS.escape(one.dataset.open)}"]`);
      if (twin) twin.open = one.open;
    }
    Idiomorph.morph(main, next, {
      ignoreActiveValue: true, restoreFocus: true,
      callbacks: {
        beforeNodeMorphed: (old, fresh) => {
          if (!old.matches) return true;
          if (old.matches('details:not([data-open])') && fresh.matches('details')) fresh.open = old.open;
          if (old.matches('form')) return false; // what is being filled in is the reader's
          if (old.matches('[data-own]')) { // a script of its own keeps it up, as a zoomed chart
            old.dispatchEvent(new CustomEvent('scorekeeper:fresh', {detail: fresh}));
            return false;
          }
          return true;
        },
        afterNodeAdded: node => { if (node.matches && node.matches('tbody > tr')) node.classList.add('fresh'); },
      },
    });
    document.dispatchEvent(new CustomEvent('scorekeeper:swapped'));
  }

  // --- hearing of changes ---
  function listen() {
    if (!live || source || document.hidden || !('EventSource' in window)) return;
    source = new EventSource(live.dataset.events);
    heard = Date.now();
    source.addEventListener('beat', () => { heard = Date.now(); if (live.dataset.state === 'lost' && lastSaid) say(lastSaid.state, lastSaid.words); });
    source.addEventListener('state', event => {
      heard = Date.now();
      lastSaid = JSON.parse(event.data);
      say(lastSaid.state, lastSaid.words);
      const main = document.getElementById('main');
      if (main && main.dataset.key !== lastSaid.key && lastSaid.state !== 'away') refresh();
    });
    source.onerror = () => {
      if (source && source.readyState === EventSource.CLOSED) { // refused: too many pages are open, or log in again
        hush();
        clearInterval(poll);
        poll = setInterval(() => { if (!document.hidden) { refresh(); if (!source) listen(); } }, POLL);
        refresh();
      }
    };
    clearInterval(watch);
    watch = setInterval(() => { if (!document.hidden && source && Date.now() - heard > BEAT - 700) { lost(); hush(); setTimeout(listen, 1000); } }, 500);
  }
  let lastSaid = null;
  function hush() { if (source) source.close(); source = null; }
  document.addEventListener('visibilitychange', () => document.hidden ? hush() : listen());
  addEventListener('pagehide', hush);
  addEventListener('pageshow', listen);
  addEventListener('offline', lost);
  addEventListener('online', () => { hush(); listen(); });

  const nav = document.querySelector('.top nav'), here = nav && nav.querySelector('[aria-current]');
  if (here) nav.scrollLeft = here.offsetLeft - nav.offsetLeft - (nav.clientWidth - here.offsetWidth) / 2; // on a phone
  keepDetails();
  localTimes(document);
  listen();
})();
