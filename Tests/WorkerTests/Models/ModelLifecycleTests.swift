import Testing
import Worker

@Suite("The states of a model")
struct ModelLifecycleTests {
    @Test("the first work starts one load, later work waits for it, then runs")
    func loadsOnce() {
        var model = ModelLifecycle()
        #expect(model.statusWord == "available")
        let action1 = model.workArrived(now: 0)
        #expect(action1 == .startLoading)
        let action2 = model.workArrived(now: 0)
        #expect(action2 == .wait)
        #expect(model.statusWord == "loading")
        model.loadSucceeded()
        let action3 = model.workArrived(now: 1)
        #expect(action3 == .run)
        #expect(model.statusWord == "loaded")
    }

    @Test("a failed load answers at once, and is tried again after pauses that grow")
    func failure() {
        var model = ModelLifecycle()
        let action4 = model.workArrived(now: 0)
        #expect(action4 == .startLoading)
        model.loadFailed("gone", now: 0)
        let action5 = model.workArrived(now: 4.9)
        #expect(action5 == .refuse(message: "gone"))
        let action6 = model.workArrived(now: 5)
        #expect(action6 == .startLoading)
        model.loadFailed("still gone", now: 5)
        let action7 = model.workArrived(now: 14.9)
        #expect(action7 == .refuse(message: "still gone"))
        let action8 = model.workArrived(now: 15)
        #expect(action8 == .startLoading)
        var now = 15.0
        for _ in 0..<20 {
            model.loadFailed("gone", now: now)
            now += 300
            let retry = model.workArrived(now: now)
            #expect(retry == .startLoading)
        }
        model.loadFailed("gone", now: now)
        let early = model.workArrived(now: now + 299)
        #expect(early == .refuse(message: "gone"))
    }

    @Test("a new configuration forgets an earlier failure, and disturbs no other state")
    func configurationChanged() {
        var model = ModelLifecycle()
        _ = model.workArrived(now: 0)
        model.configurationChanged()
        let action11 = model.workArrived(now: 0)
        #expect(action11 == .wait)
        model.loadFailed("gone", now: 0)
        model.configurationChanged()
        let action12 = model.workArrived(now: 0)
        #expect(action12 == .startLoading)
        model.loadSucceeded()
        model.configurationChanged()
        let action13 = model.workArrived(now: 0)
        #expect(action13 == .run)
    }

    @Test("a model being unloaded gives work back")
    func unloading() {
        var model = ModelLifecycle()
        _ = model.workArrived(now: 0)
        model.loadSucceeded()
        model.unload()
        let action14 = model.workArrived(now: 0)
        #expect(action14 == .giveBack)
        #expect(model.statusWord == "unloading")
    }
}

@Suite("Which configuration is newer")
struct AppliedEpochsTests {
    @Test("an epoch is applied once, and lower ones never after it, until the connection is lost")
    func order() {
        var epochs = AppliedEpochs()
        #expect(epochs.accepts(0, for: "a"))
        epochs.applied(7, to: "a")
        #expect(!epochs.accepts(7, for: "a"))
        #expect(!epochs.accepts(6, for: "a"))
        #expect(epochs.accepts(8, for: "a"))
        #expect(epochs.accepts(1, for: "b"))
        epochs.reset()
        #expect(epochs.accepts(1, for: "a"))
    }
}
