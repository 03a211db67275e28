// What charts do beyond their drawing: values by the arrow keys, and zoom by uPlot, which stays when the page changes.
// The data are those of the chart's own table, so that nothing is sent twice.
'use strict';
(() => {
  const here = new URL(document.currentScript.src);
  const own = name => new URL(name, here).href;
  const views = new Map(); // by the figure's id: what is zoomed, across swaps
  const DETAIL_DAYS = 31; // a stretch of days this short is drawn trade by trade
  const MOST_ROWS = 20000;
  const EARNED = {'before fees': 'pnl_pct', 'after fees': 'net_pnl_pct'}; // curves whose trades the list of trades has
  let loading = null;

  // --- what a chart's table says ---
  const numberOf = words => {
    const plain = words.replace(/\u2212/g, '-').replace(/[^0-9.eE-]/g, '');
    return plain === '' ? null : Number(plain);
  };
  const timeOf = words => {
    const at = Date.parse(words.length === 10 ? `${words}T00:00Z` : `${words.replace(' ', 'T')}Z`);
    return isNaN(at) ? null : at / 1000;
  };
  function tableOf(figure) {
    const table = figure.querySelector('table.data');
    const header = [...table.tHead.rows[0].cells].map(cell => cell.textContent);
    const rows = [...table.tBodies[0].rows].map(row => [...row.cells].map(cell => cell.textContent));
    return {header, rows};
  }
  const colour = name => getComputedStyle(document.documentElement).getPropertyValue(`--c-${name}`).trim();
  const legendHeight = () => innerWidth < 600 ? 44 : 30; // as charts.css has it
  const isLocal = () => document.documentElement.dataset.tz === 'local';

  // --- values by the keyboard, read out ---
  function readable(figure) {
    const drawing = figure.querySelector('.drawing');
    if (!drawing || drawing.tabIndex === 0) return;
    const title = figure.querySelector('figcaption strong');
    drawing.tabIndex = 0;
    drawing.setAttribute('role', 'group');
    drawing.setAttribute('aria-label', `${title ? title.textContent : 'Chart'} Left and right arrow: read the values.`
      + (figure.querySelector('svg[data-zoom]') ? ' Plus, minus and 0: zoom.' : ''));
  }
  function say(figure, words) {
    let line = figure.querySelector('.readout');
    if (!line) {
      line = document.createElement('p');
      line.className = 'readout';
      line.setAttribute('aria-live', 'polite');
      figure.querySelector('.drawing').after(line);
    }
    line.textContent = words;
  }
  function step(figure, to) {
    const {header, rows} = tableOf(figure);
    if (!rows.length) return;
    const view = views.get(figure.id);
    const last = Number(figure.dataset.at ?? (to > 0 ? -1 : rows.length));
    const at = to === 'first' ? 0 : to === 'last' ? rows.length - 1 : Math.min(rows.length - 1, Math.max(0, last + to));
    figure.dataset.at = at;
    say(figure, rows[at].map((words, i) => i ? `${header[i]} ${words}` : words).join('; '));
    for (const one of figure.querySelectorAll('.strips .on')) one.classList.remove('on');
    const strips = figure.querySelectorAll('.strips rect');
    if (strips.length) strips[Math.min(strips.length - 1, Math.floor(at / Math.ceil(rows.length / strips.length)))].classList.add('on');
    if (view && view.plots.length) {
      const x = timeOf(rows[at][0]);
      for (const plot of view.plots) plot.setCursor({left: plot.valToPos(x, 'x'), top: plot.over.clientHeight / 2});
    }
  }
  document.addEventListener('keydown', event => {
    if (!event.target.matches || !event.target.matches('figure.chart .drawing') || event.ctrlKey || event.metaKey || event.altKey) return;
    const figure = event.target.closest('figure.chart');
    const moves = {ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: 'first', End: 'last'};
    if (event.key in moves) step(figure, moves[event.key]);
    else if (figure.querySelector('[data-zoom]') && '+=-0'.includes(event.key)) zoomBy(figure, {'+': .5, '=': .5, '-': 2, '0': 0}[event.key]);
    else if (event.key === 'Escape' && views.has(figure.id)) leave(figure);
    else return;
    event.preventDefault();
  });

  // --- zoom ---
  function load() {
    loading ??= new Promise((done, failed) => {
      const style = document.createElement('link');
      style.rel = 'stylesheet';
      style.href = own('vendor/uplot/uPlot.min.css');
      const script = document.createElement('script');
      script.src = own('vendor/uplot/uPlot.iife.min.js');
      script.onload = done;
      script.onerror = () => { loading = null; failed(new Error('uPlot does not load')); };
      document.head.append(style, script);
    });
    return loading;
  }
  function buttons(figure) {
    if (!figure.id || !figure.querySelector('svg[data-zoom]') && !views.has(figure.id)) return;
    let bar = figure.querySelector('.zooming');
    if (!bar) {
      bar = document.createElement('div');
      bar.className = 'zooming';
      bar.setAttribute('role', 'group');
      bar.setAttribute('aria-label', 'Zoom');
      figure.querySelector('.drawing').prepend(bar); // it stays with the zoomed chart when the page changes
    }
    const on = views.has(figure.id);
    const wanted = on ? [['−', 'Zoom out', 2], ['+', 'Zoom in', .5], ['‹', 'Earlier', 'left'], ['›', 'Later', 'right'], ['Whole', 'Show the whole', 0], ['Done', 'Done zooming', 'leave']]
      : [['Zoom', 'Zoom this chart', 'enter']];
    if (bar.dataset.on === String(on)) return;
    bar.dataset.on = String(on);
    bar.replaceChildren(...wanted.map(([words, says, act]) => {
      const one = document.createElement('button');
      one.type = 'button';
      one.textContent = words;
      one.setAttribute('aria-label', says);
      one.title = on ? says : 'Zoom: then drag over a stretch; double click for the whole';
      one.onclick = () => act === 'leave' ? leave(figure) : act === 'enter' ? enter(figure) : zoomBy(figure, act);
      return one;
    }));
  }
  async function zoomBy(figure, by) {
    if (!views.has(figure.id)) await enter(figure);
    const view = views.get(figure.id);
    if (!view) return;
    const {min, max} = view.plots[0].scales.x, wide = max - min;
    const [from, to] = view.whole;
    let low = from, high = to;
    if (by === 'left' || by === 'right') {
      const shift = (by === 'left' ? -1 : 1) * wide / 2;
      low = Math.min(Math.max(from, min + shift), to - wide);
      high = low + wide;
    } else if (by) {
      const cursor = view.plots[0].cursor.left;
      const at = cursor >= 0 ? view.plots[0].posToVal(cursor, 'x') : (min + max) / 2;
      low = Math.max(from, at - wide * by / 2);
      high = Math.min(to, at + wide * by / 2);
    }
    if (high - low >= view.least) show(view, low, high);
  }
  function show(view, low, high) {
    for (const plot of view.plots) plot.setScale('x', {min: low, max: high});
  }
  async function enter(figure) {
    const drawing = figure.querySelector('.drawing');
    const svg = drawing.querySelector('svg[data-zoom]');
    if (!svg || views.has(figure.id)) return;
    const height = drawing.getBoundingClientRect().height;
    try { await load(); } catch { say(figure, 'Zoom is not to be had: its script does not load.'); return; }
    const view = {kind: svg.dataset.zoom, svg, height, plots: [], range: null, least: 120, whole: [0, 1]};
    views.set(figure.id, view);
    build(figure, view);
    drawing.dataset.own = '1';
    buttons(figure);
    figure.querySelector('.zooming button:nth-child(2)')?.focus({preventScroll: true});
  }
  function leave(figure) {
    const view = views.get(figure.id);
    views.delete(figure.id);
    const drawing = figure.querySelector('.drawing');
    for (const plot of view.plots) plot.destroy();
    delete drawing.dataset.own;
    delete figure.dataset.range;
    drawing.querySelector('.zoomed').replaceWith(view.svg);
    buttons(figure);
    figure.querySelector('.zooming button')?.focus({preventScroll: true});
  }
  function build(figure, view) {
    const drawing = figure.querySelector('.drawing');
    const {header, rows} = tableOf(figure);
    const place = document.createElement('div');
    place.className = 'zoomed';
    place.style.height = `${view.height}px`; // as high as the drawing: nothing below it moves
    drawing.querySelector('svg.plot, .zoomed').replaceWith(place);
    const xs = rows.map(row => timeOf(row[0]));
    view.least = view.kind === 'equity-by-day' ? 3 * 3600 : Math.max(60, 3 * (xs[1] - xs[0] || 60)); // days open up
    const end = view.kind.startsWith('equity') ? (view.kind === 'equity-by-day' ? xs.at(-1) + 86400 : xs.at(-1)) : xs.at(-1) + (xs.at(-1) - xs.at(-2) || 60);
    view.whole = [xs[0], end];
    (view.kind === 'candles' ? candles : equity)(figure, view, place, header, rows, xs);
    if (view.range) show(view, ...view.range);
  }
  // What every plot has: the whole as its widest range, UTC unless asked, and the range kept for the next data.
  function options(figure, view, place, height, more) {
    const axis = {stroke: colour('soft'), grid: {stroke: colour('grid'), width: 1}, ticks: {show: false}, font: '12px system-ui, sans-serif'};
    return {
      width: Math.max(200, place.clientWidth), height,
      tzDate: at => isLocal() ? new Date(at * 1e3) : uPlot.tzDate(new Date(at * 1e3), 'Etc/UTC'),
      cursor: {sync: {key: figure.id}, drag: {x: true, y: false}, points: {show: view.kind !== 'candles'}},
      legend: {live: true, isolate: false},
      scales: {x: {time: true, range: (plot, low, high) => {
        const [first, last] = [plot.data[0][0], plot.data[0].at(-1)]; // all of the data: the whole, which ends with the last candle or day
        return low == null || (low <= first && high >= last) ? view.whole : [Math.max(low, view.whole[0]), Math.min(high, view.whole[1])];
      }}},
      axes: [{...axis, values: (_, splits) => ticks(splits)}, {...axis, size: 56}],
      series: more.series,
      hooks: {
        setScale: [(plot, name) => {
          if (name !== 'x' || plot !== view.plots[0]) return;
          const {min, max} = plot.scales.x, [from, to] = view.whole;
          view.range = max - min > (to - from) * .999 ? null : [min, max];
          figure.dataset.range = view.range ? view.range.join(' ') : 'whole';
          for (const other of view.plots.slice(1)) if (other.scales.x.min !== min || other.scales.x.max !== max) other.setScale('x', {min, max});
          if (view.detailable) detail(figure, view);
        }, (plot, name) => {
          if (name !== 'x' || plot === view.plots[0] || !view.plots[0]) return;
          const {min, max} = plot.scales.x, first = view.plots[0].scales.x;
          if (first.min !== min || first.max !== max) view.plots[0].setScale('x', {min, max});
        }],
        ...more.hooks,
      },
    };
  }
  // 24 hours, and the date at midnight; whole days have dates alone.
  const ticks = splits => splits.map((at, i) => {
    const moment = new Date(at * 1e3), local = isLocal();
    const [hours, minutes] = local ? [moment.getHours(), moment.getMinutes()] : [moment.getUTCHours(), moment.getUTCMinutes()];
    const zone = local ? undefined : 'UTC', two = n => String(n).padStart(2, '0');
    const date = () => moment.toLocaleDateString('en-GB', {day: '2-digit', month: 'short', timeZone: zone});
    if (splits.length > 1 && splits[1] - splits[0] >= 28 * 86400) return moment.toLocaleDateString('en-GB', {month: 'short', year: 'numeric', timeZone: zone});
    return hours || minutes ? `${two(hours)}:${two(minutes)}` + (i ? '' : `\n${date()}`) : date();
  });
  const shown = (_, value, i) => value == null ? '' : value.toLocaleString('en', {maximumSignificantDigits: 7});
  const told = header => ({label: header[0].startsWith('day') ? 'day' : isLocal() ? 'local time' : 'UTC', value: (u, at) => at == null ? '' : tell(at)});
  const tell = at => {
    const moment = new Date(at * 1e3), two = n => String(n).padStart(2, '0');
    return isLocal() ? `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())} ${two(moment.getHours())}:${two(moment.getMinutes())}`
      : moment.toISOString().slice(0, 16).replace('T', ' ');
  };

  function equity(figure, view, place, header, rows, xs) {
    const names = header.map((words, i) => [words.split(': ')[0], words.split(': ')[1] || '', i]).slice(1);
    const columns = kind => names.filter(one => one[1].startsWith(kind));
    view.names = columns('sum').map(one => one[0]);
    view.detailable = view.kind === 'equity-by-day' && view.names.every(name => name in EARNED);
    const draw = (kind, height) => {
      const found = columns(kind);
      const looks = [['gross', []], ['net', [5, 2]]];
      const series = found.map(([name], i) => ({
        label: `${name}, ${kind === 'sum' ? '%' : 'points under its peak'}`, value: shown, stroke: colour(looks[i][0]), dash: looks[i][1], width: 1.7,
        fill: kind === 'drawdown' ? colour(looks[i][0]) + '26' : undefined, paths: uPlot.paths.stepped({align: 1}), points: {show: false},
      }));
      const data = [xs, ...found.map(one => rows.map(row => numberOf(row[one[2]])))];
      return new uPlot(options(figure, view, place, height, {series: [told(header), ...series]}), data, place);
    };
    if (view.kind === 'equity-by-day') { // the last day is as wide as the others
      xs = [...xs, view.whole[1]];
      rows = [...rows, rows.at(-1)];
    }
    const legend = legendHeight();
    view.plots.push(draw('sum', Math.round(view.height * .66) - legend));
    view.plots.push(draw('drawdown', Math.round(view.height * .34) - legend));
    view.days = view.plots.map(plot => plot.data);
  }

  // --- a short stretch of days, trade by trade ---
  let asked = null;
  async function detail(figure, view) {
    if (!view.days || view.busy) return;
    const [low, high] = view.range ?? view.whole;
    const from = Math.floor(low / 86400) * 86400, to = Math.ceil(high / 86400) * 86400;
    const key = view.range && to - from <= DETAIL_DAYS * 86400 ? `${from}-${to}` : null;
    if (key === (view.detailed ?? null)) return;
    view.detailed = key;
    asked?.abort();
    if (!key) return draw(view, view.days);
    const address = new URL('trades', location.href), given = new URL(location.href).searchParams;
    for (const name of ['version', 'symbol', 'fees', 'suspect', 'late', 'as_of']) if (given.get(name)) address.searchParams.set(name, given.get(name));
    for (const [name, at, best] of [['since', from, Math.max], ['until', to, Math.min]]) {
      const limit = given.get(name) ? Date.parse(given.get(name)) / 1000 : at;
      address.searchParams.set(name, new Date(best(at, limit || at) * 1e3).toISOString());
    }
    for (const [name, value] of [['sort', 'exit_time'], ['order', 'asc'], ['format', 'json']]) address.searchParams.set(name, value);
    asked = new AbortController();
    try {
      const answer = await fetch(address, {signal: asked.signal, credentials: 'same-origin'});
      if (!answer.ok) return;
      const trades = await answer.json();
      if (view.detailed !== key || trades.length > MOST_ROWS || !trades.length) return;
      draw(view, byTrade(view, trades, from, to));
    } catch { /* another stretch has been chosen, or the connection is lost: days remain */ }
  }
  function byTrade(view, trades, from, to) {
    const [days] = view.days, before = days[0].map(at => at < from), after = days[0].map(at => at >= to);
    const xs = trades.map(one => Date.parse(one.exit_time) / 1000);
    const pick = (list, which) => list.filter((_, i) => which[i]);
    const lines = view.names.map((name, n) => {
      const key = EARNED[name];
      const known = pick(days[n + 1], before);
      let level = known.length ? known.at(-1) : 0;
      let peak = view.days[0][n + 1].reduce((top, value, i) => before[i] ? Math.max(top, value - view.days[1][n + 1][i]) : top, 0);
      const sums = [], under = [];
      for (const one of trades) {
        level += one[key];
        peak = Math.max(peak, level);
        sums.push(level);
        under.push(level - peak);
      }
      return [sums, under];
    });
    return [0, 1].map(which => [
      [...pick(days[0], before), ...xs, ...pick(days[0], after)],
      ...view.names.map((_, n) => [...pick(view.days[which][n + 1], before), ...lines[n][which], ...pick(view.days[which][n + 1], after)]),
    ]);
  }
  function draw(view, data) {
    view.plots[0].root.closest('figure').dataset.points = data[0][0].length;
    view.busy = true;
    const range = view.range;
    view.plots.forEach((plot, i) => plot.setData(data[i], false));
    view.busy = false;
    const [low, high] = range ?? view.whole;
    view.busy = true;
    show(view, low, high);
    view.busy = false;
  }

  // --- candles with what happened on them ---
  function candles(figure, view, place, header, rows, xs) {
    const wide = xs.length > 1 ? xs[1] - xs[0] : 60;
    const part = selector => [...view.svg.querySelectorAll(selector)];
    const levels = part('.level[data-price]').map(one => ({...one.dataset, words: one.querySelector('title').textContent}));
    const trail = part('[data-trail]').flatMap(one => one.dataset.trail.split(' ').map(pair => pair.split(',').map(Number)));
    const instants = part('.instant').map(one => [Number(one.dataset.at), one.nextElementSibling.textContent]);
    const marks = part('.happening').map(one => one.dataset);
    const looks = {entry: [], exit: [1, 3], stop: [7, 4], target: [7, 4], best: [1, 3], worst: [1, 3]};
    const paint = {entry: 'entry', exit: 'text', stop: 'stop', target: 'target', best: 'good', worst: 'bad', trailing: 'trailing'};
    const data = [xs, ...[1, 2, 3, 4].map(i => rows.map(row => numberOf(row[i])))];
    const series = ['open', 'high', 'low', 'close'].map(name => ({label: name, value: shown, paths: () => null, points: {show: false}, stroke: colour('soft')}));
    const hook = plot => {
      const {ctx, bbox} = plot, ratio = devicePixelRatio;
      const x = at => plot.valToPos(at, 'x', true), y = price => plot.valToPos(price, 'y', true);
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      ctx.lineWidth = ratio;
      for (let i = 0; i < xs.length; i++) {
        const [open, high, low, close] = [1, 2, 3, 4].map(n => data[n][i]);
        const left = x(xs[i] + wide * .15), right = x(xs[i] + wide * .85), middle = x(xs[i] + wide / 2);
        if (right < bbox.left || left > bbox.left + bbox.width) continue;
        const rose = close >= open, top = y(Math.max(open, close)), bottom = y(Math.min(open, close));
        ctx.strokeStyle = colour(rose ? 'good' : 'bad');
        ctx.fillStyle = colour(rose ? 'panel' : 'bad');
        ctx.beginPath();
        ctx.moveTo(middle, y(high));
        ctx.lineTo(middle, y(low));
        ctx.stroke();
        ctx.fillRect(left, top, right - left, Math.max(ratio, bottom - top));
        ctx.strokeRect(left, top, right - left, Math.max(ratio, bottom - top));
      }
      const line = (points, name, dash) => {
        ctx.strokeStyle = colour(name);
        ctx.lineWidth = 1.5 * ratio;
        ctx.setLineDash(dash.map(n => n * ratio));
        ctx.beginPath();
        points.forEach(([at, price], i) => i ? ctx.lineTo(x(at), y(price)) : ctx.moveTo(x(at), y(price)));
        ctx.stroke();
        ctx.setLineDash([]);
      };
      ctx.font = `${11 * ratio}px system-ui, sans-serif`;
      for (const one of levels) {
        line([[one.since, one.price], [one.until, one.price]].map(pair => pair.map(Number)), paint[one.look], looks[one.look]);
      }
      let lowest = -Infinity; // words that would overlap are moved apart
      for (const one of [...levels].sort((a, b) => b.price - a.price)) {
        const at = y(Number(one.price));
        if (at < bbox.top || at > bbox.top + bbox.height) continue;
        lowest = Math.max(at - 3 * ratio, lowest + 12 * ratio);
        ctx.fillStyle = colour(paint[one.look]);
        ctx.textAlign = 'right';
        ctx.fillText(one.words, bbox.left + bbox.width - 4 * ratio, Math.max(bbox.top + 10 * ratio, lowest));
      }
      const steps = trail.flatMap(([at, price], i) => i ? [[at, trail[i - 1][1]], [at, price]] : [[at, price]]);
      if (steps.length) line(steps, 'trailing', [4, 3]);
      ctx.textAlign = 'left';
      for (const [at, words] of instants) {
        ctx.strokeStyle = ctx.fillStyle = colour('soft');
        ctx.lineWidth = ratio;
        ctx.setLineDash([3 * ratio, 3 * ratio]);
        ctx.beginPath();
        ctx.moveTo(x(at), bbox.top);
        ctx.lineTo(x(at), bbox.top + bbox.height);
        ctx.stroke();
        ctx.setLineDash([]);
        ctx.fillText(words, x(at) + 4 * ratio, bbox.top + 12 * ratio);
      }
      for (const one of marks) {
        const at = x(Number(one.at)), price = y(Number(one.price));
        ctx.beginPath();
        if (one.look === 'exit') {
          ctx.lineWidth = 2 * ratio;
          ctx.strokeStyle = colour('text');
          ctx.arc(at, price, 6 * ratio, 0, 7);
          ctx.stroke();
        } else {
          const sign = one.look === 'long' ? 1 : -1;
          ctx.fillStyle = colour('entry');
          ctx.moveTo(at, price + sign * 5 * ratio);
          ctx.lineTo(at + 7 * ratio, price + sign * 17 * ratio);
          ctx.lineTo(at - 7 * ratio, price + sign * 17 * ratio);
          ctx.fill();
        }
      }
      ctx.restore();
    };
    const held = [...levels.map(one => Number(one.price)), ...trail.map(one => one[1])];
    const settings = options(figure, view, place, Math.round(view.height) - legendHeight(), {series: [told(header), ...series], hooks: {draw: [hook]}});
    // The prices in sight, and whatever level still stands in it.
    settings.scales.y = {range: plot => {
      const [from, to] = view.range ?? view.whole, seen = [];
      const {min, max} = plot.scales.x.min == null ? {min: from, max: to} : plot.scales.x;
      xs.forEach((at, i) => { if (at + wide >= min && at <= max) seen.push(data[2][i], data[3][i]); });
      if (!view.range) seen.push(...held);
      if (!seen.length) return [0, 1];
      const low = Math.min(...seen), high = Math.max(...seen), margin = (high - low) * .05 || high * .001;
      return [low - margin, high + margin];
    }};
    view.plots.push(new uPlot(settings, data, place));
  }

  // --- the page changes ---
  function refresh() {
    for (const figure of document.querySelectorAll('figure.chart')) {
      readable(figure);
      const view = views.get(figure.id);
      if (view) {
        for (const plot of view.plots) plot.destroy();
        view.plots = [];
        view.detailed = null;
        build(figure, view);
      }
      buttons(figure);
    }
    for (const id of views.keys()) if (!document.getElementById(id)) views.delete(id);
    local();
  }
  document.addEventListener('scorekeeper:fresh', event => {
    const figure = event.target.closest('figure.chart'), view = figure && views.get(figure.id);
    const svg = event.detail.querySelector('svg[data-zoom]');
    if (view && svg) view.svg = document.importNode(svg, true);
  }, true);
  // What this script has added is not in the fresh page: it is made again, with the focus where it was.
  let last = null;
  document.addEventListener('focusin', event => {
    const figure = event.target.closest && event.target.closest('figure.chart');
    last = figure && event.target.matches('.zooming button, .drawing') ? [figure.id, event.target.getAttribute('aria-label')] : null;
  });
  document.addEventListener('scorekeeper:swapped', () => {
    const was = last;
    refresh();
    if (!was || document.activeElement !== document.body) return;
    const figure = document.getElementById(was[0]);
    [...(figure ? figure.querySelectorAll('.zooming button, .drawing') : [])].find(one => one.getAttribute('aria-label') === was[1])?.focus({preventScroll: true});
  });
  document.addEventListener('dblclick', event => {
    const figure = event.target.closest && event.target.closest('figure.chart');
    if (figure && figure.querySelector('svg[data-zoom]') && event.target.closest('.drawing')) enter(figure);
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', refresh);
  let resizing = 0;
  addEventListener('resize', () => { clearTimeout(resizing); resizing = setTimeout(() => { if (views.size) refresh(); }, 150); });

  // --- times of day on an axis, in this browser's time if asked ---
  function local() {
    if (!isLocal()) return;
    for (const axis of document.querySelectorAll('svg.plot g')) {
      const ticks = [...axis.querySelectorAll(':scope > text[data-at]')];
      if (!ticks.some(one => /^\d\d:\d\d$/.test(one.textContent))) continue;
      for (const one of ticks) {
        const at = new Date(Number(one.dataset.at) * 1e3);
        one.textContent = at.getHours() || at.getMinutes() ? at.toLocaleTimeString('en-GB', {hour: '2-digit', minute: '2-digit'})
          : at.toLocaleDateString('en-GB', {day: '2-digit', month: 'short'});
      }
      const title = axis.querySelector(':scope > .title.right');
      if (title) title.textContent = title.textContent.replace('UTC', 'this browser\u2019s time');
    }
  }
  refresh();
})();
