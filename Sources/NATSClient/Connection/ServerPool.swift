/// The servers to try, in order, and where the search stands. One round tries each once.
package struct ServerPool {
    private struct Entry {
        var server: NATSServerAddress
        /// Whether INFO named it (and may take it back), rather than the configuration.
        var isLearnt: Bool
    }

    private var entries: [Entry]
    /// How many servers of this round have been tried.
    private var triedInRound = 0

    init(_ servers: [NATSServerAddress]) {
        self.entries = servers.map { Entry(server: $0, isLearnt: false) }
    }

    package var servers: [NATSServerAddress] { entries.map(\.server) }

    /// The next server of this round; it moves to the end of the pool. `nil` where the round is over.
    mutating func next() -> NATSServerAddress? {
        guard triedInRound < entries.count else { return nil }
        triedInRound += 1
        let entry = entries.removeFirst()
        entries.append(entry)
        return entry.server
    }

    /// Begins a new round. A server that has just been of use is tried first again, unless it is about to go.
    mutating func beginRound(preferring server: NATSServerAddress? = nil) {
        triedInRound = 0
        if let server, let index = entries.firstIndex(where: { $0.server == server }) {
            entries.insert(entries.remove(at: index), at: 0)
        }
    }

    /// Takes over the servers that INFO names: new ones join at the end, learnt ones that it no longer names go.
    mutating func learn(_ urls: [String], from current: NATSServerAddress) {
        guard !urls.isEmpty else { return }
        let named = urls.compactMap { url in
            (try? NATSServerAddress(url: url)).map { address -> NATSServerAddress in
                // A learnt server takes the same credentials and the same encryption as the one that named it.
                var address = address
                address.user = current.user
                address.password = current.password
                address.requiresTLS = current.requiresTLS
                return address
            }
        }
        entries.removeAll { entry in entry.isLearnt && entry.server != current && !named.contains(entry.server) }
        for server in named
        where !entries.contains(where: { $0.server.host == server.host && $0.server.port == server.port }) {
            // The server tried last stands at the end; a new one goes before it.
            entries.insert(Entry(server: server, isLearnt: true), at: max(0, entries.count - 1))
        }
    }
}
