// Keys and copying for who has script: each page does without.
(() => {
  const say = document.currentScript.dataset;
  const kept = () => {
    try { return localStorage.keys; } catch { return 'off'; }
  };
  const keep = (value) => {
    try { localStorage.keys = value; } catch { /* Until the next page. */ }
  };
  let on = kept() !== 'off';

  for (const number of navigator.clipboard ? document.querySelectorAll('.copy') : []) {
    const text = number.textContent;
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = say.copy;
    button.setAttribute('aria-label', `${say.copy} ${text}`);
    button.onclick = async () => {
      await navigator.clipboard.writeText(text);
      button.textContent = say.copied;
      button.setAttribute('aria-label', `${say.copied} ${text}`);
    };
    number.append(' ', button);
  }

  const rows = [...document.querySelectorAll('main tbody tr')];
  const links = rows.map((row) => row.querySelector('a')).filter(Boolean);
  const go = (step) => {
    const at = links.findIndex((link) => link.closest('tr').contains(document.activeElement));
    links[at < 0 ? (step > 0 ? 0 : links.length - 1) : at + step]?.focus();
  };
  const keys = {
    '/': () => document.querySelector('.find input')?.focus(),
    j: () => go(1),
    k: () => go(-1),
  };
  addEventListener('keydown', (event) => {
    const writes = event.target.matches?.('input:not([type=checkbox]), select, textarea');
    if (writes && event.key === 'Escape') event.target.blur();
    if (!on || writes || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = Object.hasOwn(keys, event.key) && keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  // Of a form that is sent twice the browser shows the second answer alone. It may be sent again
  // where none has come, or where the page was come back to.
  let sent = false;
  addEventListener('submit', (event) => {
    if (event.target.method !== 'post') return;
    if (sent) event.preventDefault();
    sent = true;
    setTimeout(() => { sent = false; }, 15_000);
  });
  addEventListener('pageshow', () => { sent = false; });

  // Keys of one letter can be turned off: speech input and some keyboards strike them unasked.
  const line = document.createElement('p');
  line.className = 'keys';
  const turn = document.createElement('button');
  turn.type = 'button';
  const show = () => {
    line.firstChild.textContent = `${on ? say.keys : say.none} `;
    turn.textContent = on ? say.off : say.on;
  };
  turn.onclick = () => {
    on = !on;
    keep(on ? 'on' : 'off');
    show();
  };
  line.append('', turn);
  document.querySelector('main').append(line);
  show();
})();
