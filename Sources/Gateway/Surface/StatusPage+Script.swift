extension StatusPage {
    /// Follows the cluster's WebSocket. A browser cannot send `Authorization` with it, so a token goes as a subprotocol
    /// (see `ClusterStream`); it is kept for the tab alone.
    static let script = """

        "use strict";
        const byId = (id) => document.getElementById(id);
        const storedToken = "sie-token";
        const samples = [];

        const cell = (label, text, tag, className) => {
          const made = document.createElement("td");
          made.dataset.label = label;
          const holder = tag ? made.appendChild(document.createElement(tag)) : made;
          holder.textContent = text;
          if (className) holder.className = className;
          return made;
        };
        const fill = (id, rows) => {
          const body = byId(id);
          body.replaceChildren(...rows.map((cells) => {
            const row = document.createElement("tr");
            row.append(...cells);
            return row;
          }));
          body.closest("section").querySelector(".empty").hidden = rows.length > 0;
        };
        const state = (word) => {
          byId("status").textContent = word;
          byId("status").className = "pill " + word;
        };
        const trend = (value) => {
          samples.push(value);
          if (samples.length > 60) samples.shift();
          const top = Math.max(...samples, 1);
          byId("trend").setAttribute("points",
            samples.map((sample, index) => index + "," + (19 - 18 * sample / top).toFixed(2)).join(" "));
        };
        const show = ({ cluster, workers, models }) => {
          byId("lock").hidden = true;
          byId("board").hidden = false;
          state(cluster.worker_count > 0 ? "healthy" : "degraded");
          byId("workers").textContent = cluster.worker_count;
          byId("gpus").textContent = cluster.gpu_count;
          byId("loaded").textContent = cluster.models_loaded;
          byId("qps").textContent = cluster.total_qps.toFixed(1);
          trend(cluster.total_qps);
          fill("worker-rows", workers.map((w) => [
            cell("Name", w.name, "b"), cell("URL", w.url), cell("GPU", w.gpu), cell("Bundle", w.bundle),
            cell("State", w.state, "span", "pill " + w.state), cell("Queue", w.queue_depth)]));
          fill("model-rows", models.map((m) => [
            cell("Model", m.name, "b"), cell("GPUs", m.gpu_types.join(", ")), cell("Workers", m.worker_count),
            cell("Queue", m.total_queue_depth)]));
        };
        const live = (text, isLost) => {
          byId("live").textContent = text;
          byId("live").className = isLost ? "lost" : "";
        };
        const ask = (refusal) => {
          sessionStorage.removeItem(storedToken);
          byId("board").hidden = true;
          byId("lock").hidden = false;
          byId("refusal").textContent = refusal;
          state("locked");
          live("");
          byId("token").focus();
        };

        // A character for each byte, as headers and base64 take them.
        const bytesOf = (token) => String.fromCharCode(...new TextEncoder().encode(token));
        const subprotocols = (token) => {
          if (!token) return [];
          const coded = btoa(bytesOf(token)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
          return ["\(ClusterStream.subprotocol)", "\(ClusterStream.tokenSubprotocolPrefix)" + coded];
        };
        // A browser does not tell why a WebSocket was refused, so an ordinary request asks first.
        const mayEnter = async (token) => {
          const headers = token ? { authorization: "Bearer " + bytesOf(token) } : {};
          return (await fetch("/health", { headers, cache: "no-store" })).status !== 401;
        };
        const follow = async () => {
          const token = sessionStorage.getItem(storedToken);
          try {
            if (!await mayEnter(token)) return ask(token ? "This token was not accepted." : "");
          } catch { return again(); }
          const socket = new WebSocket(
            location.origin.replace(/^http/, "ws") + "\(ClusterStream.path)", subprotocols(token));
          socket.onmessage = (event) => { live("live"); show(JSON.parse(event.data)); };
          socket.onclose = again;
        };
        const again = () => {
          live("not live, trying again", true);
          setTimeout(follow, 2000);
        };
        byId("lock").addEventListener("submit", (event) => {
          event.preventDefault();
          sessionStorage.setItem(storedToken, byId("token").value.trim());
          byId("token").value = "";
          follow();
        });
        follow();

        """
}
