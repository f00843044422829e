// What a page does where its WebAssembly does not live, or not yet (docs/page.md, Islands
// and the fallback). An element belongs to who takes it first: this script, or the island
// that comes later. The oldest web views read it: no syntax after ES5.
(function () {
  'use strict';
  var main = document.querySelector('main');
  var data = main.dataset;
  // How long a tap waits for WeChat's bridge, and its sheet for an answer, ms.
  var BRIDGE_MS = 3000;
  // When the island is taken for lost, and how often is asked then, ms.
  var LOST_MS = 8000;
  var POLL_MS = 2000;
  var ANSWER_MS = 10000;
  // How long a payer whose request can't be paid stays before his page comes again, ms.
  var FAILED_MS = 5000;

  // Whether this script may act on an element: it takes one that nobody has.
  function mine(element) {
    if (!element.dataset.by) element.dataset.by = 'script';
    return element.dataset.by === 'script';
  }

  // Whether the payer came here by his browser's history.
  function reopened() {
    return performance.navigation.type === 2;
  }

  function each(selector, act) {
    Array.prototype.forEach.call(document.querySelectorAll(selector), act);
  }

  // `#/?a=b` becomes `?a=b`, byte for byte. What stands in the query already (WeChat
  // appends `from`) is kept.
  function readFragment() {
    var at = location.hash.indexOf('?');
    var query = location.search.slice(1);
    if (at < 0 || !mine(main)) return;
    location.replace(location.pathname + '?' + (query ? query + '&' : '') + location.hash.slice(at + 1));
  }

  function comeAgain() {
    if (mine(main)) location.reload();
  }

  // Leaves a paid page. In a frame it first tells the page around it, then leads that page
  // on where the browser lets us; the link stays.
  function leave() {
    var link = document.getElementById('leave');
    var url = link ? link.href : '';
    if (!mine(main)) return;
    if (parent !== self) {
      data.frames.split(' ').forEach(function (origin) {
        var told = { type: 'tongfu', result: 'paid', requestKey: data.key, url: url };
        try {
          if (origin) parent.postMessage(told, origin);
        } catch (_) {}
      });
    }
    if (!url) return;
    setTimeout(function () {
      try {
        parent.location.href = url;
      } catch (_) {}
    }, data.leave * 1000);
  }

  // Sends the form that leads to the channel, once: a payer who comes back to this page, or
  // to the copy of it that his browser kept, goes on to the one that waits for him.
  function send(form) {
    function on() {
      location.replace(data.ended);
    }
    if (!mine(form)) return;
    addEventListener('pageshow', function (event) {
      if (event.persisted) on();
    });
    if (reopened()) on();
    else form.submit();
  }

  // Opens WeChat's own sheet, one however often is tapped. `ok` is confirmed by our server;
  // so is what is neither cancel nor fail.
  function pay(button) {
    var waiting = 0;
    var open = 0;

    function say(name) {
      each('[data-note]', function (note) {
        note.hidden = note.dataset.note !== name;
      });
    }

    function answered(result) {
      var said = String((result && result.err_msg) || '').toLowerCase();
      open = 0;
      if (/:\s*cancel/.test(said)) say('cancel');
      else if (/:\s*fail/.test(said)) say('fail');
      else location.href = button.dataset.check;
    }

    function invoke() {
      clearTimeout(waiting);
      waiting = 0;
      open = Date.now();
      say('open');
      WeixinJSBridge.invoke('getBrandWCPayRequest', JSON.parse(button.dataset.bridge), answered);
    }

    function tapped() {
      if (!mine(button) || Math.abs(Date.now() - open) < BRIDGE_MS) return;
      if (window.WeixinJSBridge) return invoke();
      clearTimeout(waiting);
      waiting = setTimeout(function () {
        waiting = 0;
        say('none');
      }, BRIDGE_MS);
    }

    document.addEventListener('WeixinJSBridgeReady', function () {
      if (waiting) invoke();
    });
    button.addEventListener('click', tapped);
    if (button.dataset.now && !reopened()) tapped();
  }

  // Copies the page's address, and says so on the button.
  function copy(button) {
    var field = document.getElementById('address');

    function done() {
      button.textContent = button.dataset.done;
    }

    function byHand() {
      if (document.execCommand('copy')) done();
    }

    button.hidden = false;
    button.addEventListener('click', function () {
      if (!mine(button)) return;
      field.select();
      if (navigator.clipboard) navigator.clipboard.writeText(field.value).then(done, byHand);
      else byHand();
    });
  }

  // Asks how the payment stands, and goes to the attempt's page once that can tell more.
  // An island that comes late takes this over: what is asked twice is paid once.
  function ask() {
    var request = new XMLHttpRequest();
    if (!mine(main)) return;
    request.open('GET', data.poll);
    request.timeout = ANSWER_MS;
    request.onloadend = function () {
      var code, attempt, waits;
      try {
        code = JSON.parse(request.responseText).errcode;
        attempt = request.getResponseHeader('tongfu-attempt');
      } catch (_) {}
      waits = code === '30000' && !(data.order && attempt && attempt !== data.order);
      if (!code || waits) return void setTimeout(ask, POLL_MS);
      setTimeout(
        function () {
          if (mine(main)) location.href = data.ended;
        },
        code === '0' || code === '30000' ? 0 : FAILED_MS
      );
    };
    request.send();
  }

  // What the page's loader calls when the module can't live here.
  function wait() {
    self.tongfuWait = function () {};
    ask();
  }

  if (data.fragment) readFragment();
  if (data.again) setTimeout(comeAgain, data.again * 1000);
  if (data.leave) leave();
  each('form[data-once]', send);
  each('#bridge', pay);
  each('#copy', copy);
  // What the payer sends by himself before the page lives is sent by his browser.
  each('form[action*="/start?"]', function (form) {
    form.addEventListener('submit', function () {
      mine(form);
    });
  });
  if (data.poll) {
    self.tongfuWait = wait;
    setTimeout(
      function () {
        if (!main.dataset.by) self.tongfuWait();
      },
      'noModule' in document.createElement('script') && self.WebAssembly ? LOST_MS : 0
    );
  }
})();
