/// The page at `/docs`: reads `/openapi.json` and shows it. No library, no other server.
enum DocumentPage {
    static let html = """
        <!doctype html>
        <html lang="es">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>ANB Rising Stars · API</title>
        <style>\(style)</style>
        </head>
        <body>
        <header><h1>ANB Rising Stars <small>API</small></h1><p id="about">Cargando… (Loading…)</p>
        <nav id="groups" aria-label="Secciones"></nav></header>
        <main id="routes"></main>
        <footer><a href="/openapi.json">openapi.json</a></footer>
        <script>\(script)</script>
        </body>
        </html>
        """

    static let style = """
        :root { --ink: #16181d; --paper: #fff; --soft: #f3f1ee; --line: #d9d4cd; --accent: #b4480f; --quiet: #5d5a55; }
        @media (prefers-color-scheme: dark) {
          :root { --ink: #ececf0; --paper: #12141a; --soft: #1c1f27; --line: #363a45; --accent: #ff9a5c; --quiet: #a9a7a3; }
        }
        * { box-sizing: border-box; }
        body { margin: 0 auto; max-width: 56rem; padding: 1rem; background: var(--paper); color: var(--ink);
          font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
        h1 { margin: .5rem 0 0; } h1 small { color: var(--accent); font-weight: 400; }
        h2 { margin: 2rem 0 .5rem; border-bottom: 2px solid var(--accent); }
        a { color: var(--accent); } nav a { display: inline-block; margin-right: 1rem; padding: .4rem 0; }
        details { margin: .5rem 0; border: 1px solid var(--line); border-radius: .5rem; background: var(--soft); }
        summary { padding: .75rem; cursor: pointer; } summary:focus-visible { outline: 3px solid var(--accent); }
        details > div { padding: 0 .75rem .75rem; }
        code, pre { font: .875rem/1.45 ui-monospace, monospace; }
        pre { margin: .25rem 0; padding: .5rem; overflow-x: auto; border: 1px solid var(--line); border-radius: .25rem;
          background: var(--paper); }
        .verb { display: inline-block; min-width: 4.5rem; font-weight: 700; color: var(--accent); }
        .quiet { color: var(--quiet); } dt { margin-top: .5rem; } dd { margin: 0 0 0 1rem; }
        """

    static let script = """
        const make = (name, text, ...children) => {
          const element = document.createElement(name);
          if (text) element.textContent = text;
          element.append(...children.filter(Boolean));
          return element;
        };
        const shape = (schema, all, depth = 0) => {
          if (schema.$ref) return shape(all[schema.$ref.split('/').pop()], all, depth);
          if (schema.oneOf) return schema.oneOf.map(one => shape(one, all, depth)).join(' | ');
          if (schema.enum) return schema.enum.map(one => JSON.stringify(one)).join(' | ');
          const pad = '  '.repeat(depth + 1);
          if (schema.type === 'array') return '[' + shape(schema.items, all, depth) + ', …]';
          if (schema.properties) {
            const must = new Set(schema.required ?? []);
            const lines = Object.entries(schema.properties).map(([name, one]) =>
              pad + JSON.stringify(name) + (must.has(name) ? '' : '?') + ': ' + shape(one, all, depth + 1));
            return '{\\n' + lines.join(',\\n') + '\\n' + '  '.repeat(depth) + '}';
          }
          const bounds = ['format', 'minLength', 'maxLength', 'minimum', 'maximum', 'default']
            .filter(name => name in schema).map(name => name + ' ' + schema[name]);
          return schema.type + (bounds.length ? ' (' + bounds.join(', ') + ')' : '');
        };
        const contents = (holder, all) => Object.entries(holder?.content ?? {}).map(([type, one]) =>
          make('div', '', make('span', type), make('pre', shape(one.schema, all))));
        const route = (path, verb, operation, all) => {
          const verbName = make('span', verb.toUpperCase() + ' ');
          verbName.className = 'verb';
          const quiet = make('span', operation.summary + (operation.security ? ' · JWT' : ''));
          quiet.className = 'quiet';
          const body = make('div');
          if (operation.description) body.append(make('p', operation.description));
          if (operation.parameters) {
            const list = make('dl');
            for (const one of operation.parameters) {
              list.append(make('dt', '', make('code', one.name), ' ' + one.in + ' · ' + shape(one.schema, all)),
                make('dd', one.description));
            }
            body.append(make('h3', 'Parámetros (Parameters)'), list);
          }
          if (operation.requestBody) {
            body.append(make('h3', 'Cuerpo (Body)'), ...contents(operation.requestBody, all));
          }
          const answers = make('dl');
          for (const [status, one] of Object.entries(operation.responses)) {
            answers.append(make('dt', '', make('code', status), ' ' + one.description),
              make('dd', '', ...(Number(status) < 400 ? contents(one, all) : [])));
          }
          body.append(make('h3', 'Respuestas (Responses)'), answers);
          const whole = make('details', '', make('summary', '', verbName, make('code', path), make('br'), quiet), body);
          whole.id = operation.operationId;
          return whole;
        };
        fetch('/openapi.json').then(answer => answer.json()).then(api => {
          document.getElementById('about').textContent = api.info.description;
          const main = document.getElementById('routes'), groups = document.getElementById('groups');
          for (const { name } of api.tags) {
            const title = make('h2', name);
            title.id = name;
            const link = make('a', name);
            link.href = '#' + encodeURIComponent(name);
            groups.append(link);
            main.append(title);
            for (const [path, verbs] of Object.entries(api.paths)) {
              for (const [verb, operation] of Object.entries(verbs)) {
                if (operation.tags.includes(name)) main.append(route(path, verb, operation, api.components.schemas));
              }
            }
          }
          if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
        }).catch(error => {
          document.getElementById('about').textContent = 'No se pudo leer /openapi.json (It cannot be read): ' + error;
        });
        """
}
