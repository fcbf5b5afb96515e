import Kubernetes
import TestSupport
import Testing

@Suite("Reflector")
struct ReflectorTests {
    /// A reflector with its clock and its dice.
    private struct Rig {
        var reflector = Reflector(pageSize: 500)
        var generator = SeededGenerator(seed: 1)
        var now = Duration.zero

        mutating func proceed() -> Reflector.Action { reflector.proceed(now: now, using: &generator) }
        mutating func listed(_ version: String?, next: String? = nil) -> Reflector.Action {
            reflector.listed(resourceVersion: version, nextPage: next, now: now, using: &generator)
        }
        mutating func listFailed(_ failure: Reflector.Failure) -> Reflector.Action {
            reflector.listFailed(failure, now: now, using: &generator)
        }
        mutating func watchEnded() -> Reflector.Action { reflector.watchEnded(now: now, using: &generator) }
        mutating func watchFailed(_ failure: Reflector.Failure = .other()) -> Reflector.Action {
            reflector.watchFailed(failure, now: now, using: &generator)
        }

        /// Lists one page and watches.
        mutating func watch(from version: String) {
            _ = proceed()
            #expect(listed(version) == .replace(resourceVersion: version))
            expectWatch(proceed(), from: version)
        }

        func expectWatch(_ action: Reflector.Action, from version: String) {
            guard case .watch(version, let timeout) = action else {
                Issue.record("\(action) is no watch from \(version)")
                return
            }
            #expect(timeout >= .seconds(300) && timeout <= .seconds(600))
        }

        /// The wait of an action, in milliseconds.
        func wait(_ action: Reflector.Action) -> Double {
            guard case .wait(let duration) = action else {
                Issue.record("\(action) is no wait")
                return -1
            }
            return duration / .milliseconds(1)
        }
    }

    @Test("the first list takes any version, in pages of 500, and the watch begins at the last page's version")
    func pages() {
        var rig = Rig()
        #expect(rig.proceed() == .list(resourceVersion: "0", limit: 500, continue: nil))
        #expect(rig.listed("10", next: "p2") == .list(resourceVersion: "0", limit: 500, continue: "p2"))
        #expect(rig.listed("10") == .replace(resourceVersion: "10"))
        rig.expectWatch(rig.proceed(), from: "10")
    }

    @Test("a page that is forgotten restarts the list in one answer")
    func expiredPage() {
        var rig = Rig()
        _ = rig.proceed()
        _ = rig.listed("10", next: "p2")
        #expect(rig.listFailed(.expired) == .list(resourceVersion: "0", limit: nil, continue: nil))
        #expect(rig.listed("12") == .replace(resourceVersion: "12"))
    }

    @Test("a list without a version is a failure: nobody watches from nowhere", arguments: [nil, ""])
    func listWithoutVersion(version: String?) {
        var rig = Rig()
        _ = rig.proceed()
        #expect(rig.wait(rig.listed(version)) >= 800)
        #expect(rig.proceed() == .list(resourceVersion: "0", limit: 500, continue: nil))
    }

    @Test("a watch that ends in good order goes on at once from the last event or bookmark")
    func cleanEnd() {
        var rig = Rig()
        rig.watch(from: "10")
        rig.reflector.received(resourceVersion: "11")
        rig.reflector.received(resourceVersion: nil)
        rig.expectWatch(rig.watchEnded(), from: "11")
        rig.now += .seconds(300)
        rig.expectWatch(rig.watchEnded(), from: "11")
    }

    @Test("a server that ends every watch at once is asked with growing pauses")
    func immediateEnds() {
        var rig = Rig()
        rig.watch(from: "10")
        var waits: [Double] = []
        for _ in 0..<8 {
            waits.append(rig.wait(rig.watchEnded()))
            rig.expectWatch(rig.proceed(), from: "10")
        }
        for (index, wait) in waits.enumerated() {
            let least = min(30_000, 800 * Double(1 << index))
            #expect(wait >= least && wait <= 2 * least)
        }
    }

    @Test("a broken watch goes on after a pause, from the last version")
    func brokenWatch() {
        var rig = Rig()
        rig.watch(from: "10")
        rig.reflector.received(resourceVersion: "15")
        #expect(rig.wait(rig.watchFailed()) >= 800)
        rig.expectWatch(rig.proceed(), from: "15")
    }

    @Test("a forgotten version lists anew at once, the newest there is")
    func expiredVersion() {
        var rig = Rig()
        rig.watch(from: "10")
        rig.reflector.received(resourceVersion: "11")
        #expect(rig.watchFailed(.expired) == .list(resourceVersion: nil, limit: 500, continue: nil))
        #expect(rig.reflector.resourceVersion == nil)
        #expect(rig.listed("50") == .replace(resourceVersion: "50"))
        rig.expectWatch(rig.proceed(), from: "50")
    }

    @Test("a version forgotten while the server was away lists anew at once")
    func expiredAfterOutage() {
        var rig = Rig()
        rig.watch(from: "10")
        rig.now += .seconds(60)
        _ = rig.watchFailed()
        _ = rig.proceed()
        #expect(rig.watchFailed(.expired) == .list(resourceVersion: nil, limit: 500, continue: nil))
    }

    @Test("a server that forgets every version at once is listed with pauses")
    func expiryLoop() {
        var rig = Rig()
        rig.watch(from: "10")
        for round in 0..<5 {
            #expect(rig.wait(rig.watchFailed(.expired)) >= 800)
            #expect(rig.proceed() == .list(resourceVersion: nil, limit: 500, continue: nil))
            _ = rig.listed("\(20 + round)")
            _ = rig.proceed()
        }
    }

    @Test("the server's wish to be asked later is kept to")
    func retryAfter() {
        var rig = Rig()
        rig.watch(from: "10")
        #expect(rig.wait(rig.watchFailed(.other(retryAfter: .seconds(42)))) == 42_000)
    }

    @Test("two quiet minutes make the pauses short again")
    func reset() {
        var rig = Rig()
        rig.watch(from: "10")
        for _ in 0..<6 {
            rig.now += .milliseconds(Int(rig.wait(rig.watchFailed())))
            _ = rig.proceed()
        }
        rig.now += .seconds(90)
        #expect(rig.wait(rig.watchFailed()) > 10_000)
        rig.now += .seconds(200)
        #expect(rig.wait(rig.watchFailed()) <= 1600)
    }

    @Test("a failed list waits and begins with its first page")
    func failedList() {
        var rig = Rig()
        _ = rig.proceed()
        _ = rig.listed("10", next: "p2")
        #expect(rig.wait(rig.listFailed(.other())) >= 800)
        #expect(rig.proceed() == .list(resourceVersion: "0", limit: 500, continue: nil))
    }

    @Test("what is there comes by a watch where the server does so, by lists from its refusal on, never from a part")
    func streams() {
        var rig = Rig(reflector: Reflector(pageSize: 500, streams: true))
        guard case .stream = rig.proceed() else {
            Issue.record("no stream")
            return
        }
        // Broken before everything is told: anew.
        #expect(rig.wait(rig.watchFailed()) > 0)
        guard case .stream = rig.proceed() else {
            Issue.record("no stream")
            return
        }
        rig.reflector.streamed(resourceVersion: "7")
        rig.reflector.received(resourceVersion: "8")
        rig.expectWatch(rig.watchEnded(), from: "8")
        rig.reflector.received(resourceVersion: "9")
        guard case .stream = rig.watchFailed(.expired) else {
            Issue.record("no stream")
            return
        }
        let list = Reflector.Action.list(resourceVersion: "0", limit: 500, continue: nil)
        #expect(rig.reflector.streamRefused() == list)
        #expect(rig.listed("10") == .replace(resourceVersion: "10"))
        rig.expectWatch(rig.proceed(), from: "10")
        rig.reflector.received(resourceVersion: "11")
        #expect(rig.watchFailed(.expired) == .list(resourceVersion: nil, limit: 500, continue: nil))
    }
}
