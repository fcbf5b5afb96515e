extension StatusPage {
    /// Two palettes, one layout; below 48rem every row of a table becomes a card.
    static let style = """

        :root {
          --page: #f5f6f8; --card: #fff; --text: #16191f; --quiet: #626a78; --line: #e3e6eb; --accent: #3b5bdb;
          --good: #12703a; --good-back: #dff5e7; --warn: #8a5300; --warn-back: #fdf0d5; --bad: #b02a20;
          --bad-back: #fde5e2; --shadow: 0 1px 2px #10182814;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --page: #0e1116; --card: #161b22; --text: #e8ebf0; --quiet: #98a2b3; --line: #272e38; --accent: #8da4ff;
            --good: #6fdc9a; --good-back: #12351f; --warn: #f3c76b; --warn-back: #3a2c0c; --bad: #ff9d92;
            --bad-back: #43191a; --shadow: none;
          }
        }
        * { box-sizing: border-box; }
        [hidden] { display: none !important; }
        body {
          margin: 0 auto; max-width: 72rem; padding: 1.5rem 1.25rem 2rem; background: var(--page); color: var(--text);
          font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
          font-variant-numeric: tabular-nums;
        }
        header { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 0.75rem; margin-bottom: 1.5rem; }
        .mark { width: 1.6rem; height: 1.6rem; fill: var(--accent); }
        h1 { margin: 0; font-size: 1.3rem; letter-spacing: -0.01em; }
        h2 { margin: 0; font-size: 1rem; }
        .pill {
          display: inline-flex; align-items: center; gap: 0.4em; padding: 0.1rem 0.6rem; border-radius: 1rem;
          font-size: 0.8rem; font-weight: 600; white-space: nowrap; color: var(--quiet); background: var(--line);
        }
        .pill::before { content: ""; width: 0.5em; height: 0.5em; border-radius: 50%; background: currentColor; }
        .healthy { color: var(--good); background: var(--good-back); }
        .draining { color: var(--warn); background: var(--warn-back); }
        .unhealthy, .degraded { color: var(--bad); background: var(--bad-back); }
        #live { margin-left: auto; font-size: 0.85rem; color: var(--quiet); }
        #live.lost { color: var(--bad); }
        .figures {
          display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 1rem; margin: 0 0 1rem; padding: 0;
          list-style: none;
        }
        .figures li, section, form {
          background: var(--card); border: 1px solid var(--line); border-radius: 0.75rem; box-shadow: var(--shadow);
        }
        .figures li { position: relative; overflow: hidden; padding: 0.9rem 1.1rem; }
        .figures span { display: block; font-size: 0.85rem; color: var(--quiet); }
        .figures b { font-size: 1.9rem; line-height: 1.2; letter-spacing: -0.02em; }
        .figures svg { position: absolute; right: 1.1rem; bottom: 1.1rem; width: 35%; height: 1.6rem; }
        #trend {
          fill: none; stroke: var(--accent); stroke-width: 1.5; stroke-linejoin: round;
          vector-effect: non-scaling-stroke;
        }
        section { margin-bottom: 1rem; overflow: hidden; }
        section h2 { padding: 0.9rem 1.1rem; border-bottom: 1px solid var(--line); }
        table { border-collapse: collapse; width: 100%; }
        th, td { text-align: left; padding: 0.55rem 1.1rem; }
        th { font-size: 0.8rem; font-weight: 500; color: var(--quiet); }
        td { border-top: 1px solid var(--line); overflow-wrap: break-word; }
        td[data-label=Name], td[data-label=URL], td[data-label=Model] { overflow-wrap: anywhere; }
        td b { font-weight: 600; }
        td[data-label=URL], td[data-label=GPU], td[data-label=GPUs], td[data-label=Bundle] { color: var(--quiet); }
        [data-label=Queue], [data-label=Workers] { text-align: right; width: 6rem; }
        tbody:empty { display: none; }
        .empty { margin: 0; padding: 1.4rem 1.1rem; color: var(--quiet); }
        footer {
          display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0.5rem 1.5rem; padding: 0.5rem 0.1rem;
          font-size: 0.85rem; color: var(--quiet);
        }
        nav { display: flex; flex-wrap: wrap; gap: 0.5rem 1.25rem; }
        a { color: var(--accent); text-decoration: none; }
        a:hover, a:focus-visible { text-decoration: underline; }
        form { max-width: 28rem; margin: 10vh auto; padding: 1.5rem; }
        form p { margin: 0.25rem 0 1rem; color: var(--quiet); }
        label { display: block; margin-bottom: 0.3rem; font-size: 0.85rem; font-weight: 600; }
        .entry { display: flex; gap: 0.5rem; }
        input {
          flex: 1; min-width: 0; padding: 0.55rem 0.75rem; font: inherit; color: inherit; background: var(--page);
          border: 1px solid var(--line); border-radius: 0.5rem;
        }
        button {
          padding: 0.55rem 1.1rem; font: inherit; font-weight: 600; color: var(--card); background: var(--accent);
          border: 0; border-radius: 0.5rem; cursor: pointer;
        }
        input:focus-visible, button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
        #refusal { margin: 0.75rem 0 0; color: var(--bad); }
        #refusal:empty { display: none; }
        @media (max-width: 48rem) {
          body { padding: 1rem 0.9rem 1.5rem; }
          .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0.75rem; }
          .figures li { padding: 0.75rem 0.9rem; }
          .figures b { font-size: 1.6rem; }
          .figures svg { display: none; }
          section h2 { padding: 0.75rem 0.9rem; }
          thead { display: none; }
          tr { display: block; padding: 0.65rem 0.9rem; }
          tr + tr { border-top: 1px solid var(--line); }
          td, [data-label=Queue], [data-label=Workers] {
            display: flex; justify-content: space-between; gap: 1rem; width: auto; padding: 0.15rem 0; border: 0;
            text-align: right; overflow-wrap: anywhere;
          }
          td::before { content: attr(data-label); flex: none; color: var(--quiet); font-weight: 400; }
          td:first-child { justify-content: flex-start; text-align: left; font-size: 1.05rem; }
          td:first-child::before { content: none; }
        }

        """
}
