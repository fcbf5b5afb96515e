import CLI
import Testing

@Suite struct PostConversationTests {
    private func conversation(attempts: Int = 3) -> PostConversation {
        PostConversation(file: "configs/models/m.yaml", size: 10, maximumAttempts: attempts, backoff: .seconds(2))
    }

    private func outcome(_ action: PostConversation.Action) -> PostConversation.Outcome? {
        if case .finish(let outcome) = action { outcome } else { nil }
    }

    @Test("201 and 200 end it at once, accepted")
    func accepted() {
        for (status, summary) in [(201, "created"), (200, "unchanged")] {
            var conversation = conversation()
            #expect(conversation.post() == .post)
            let outcome = outcome(conversation.posted(ServiceAnswer(status: status, body: Array("{}".utf8))))
            #expect(outcome?.isAccepted == true)
            #expect(outcome?.summary == summary)
        }
    }

    @Test("what may pass is tried again after 2 and 4 seconds, and then fails")
    func backoff() {
        var conversation = conversation()
        let answer = ServiceAnswer(status: 502)
        _ = conversation.post()
        #expect(conversation.posted(answer) == .wait(.seconds(2)))
        #expect(conversation.post() == .post)
        #expect(conversation.posted(answer) == .wait(.seconds(4)))
        #expect(conversation.post() == .post)
        let outcome = outcome(conversation.posted(answer))
        #expect(outcome?.isAccepted == false)
        #expect(outcome?.summary == "failed after 3 attempts")
    }

    @Test("the service's own wait is honoured up to 30 seconds")
    func retryAfter() {
        for (asked, waited) in [(0, 0), (7, 7), (3600, 30), (-5, 0)] {
            var conversation = conversation()
            _ = conversation.post()
            #expect(
                conversation.posted(ServiceAnswer(status: 429, retryAfterSeconds: asked)) == .wait(.seconds(waited)))
        }
    }

    @Test("no answer at all counts as 000 and is tried again")
    func noAnswer() {
        var conversation = conversation(attempts: 1)
        _ = conversation.post()
        let outcome = outcome(conversation.posted(ServiceAnswer(problem: "connection refused")))
        #expect(outcome?.status == "000")
        #expect(outcome?.annotations.first?.message.contains("connection refused") == true)
    }

    @Test("an evicted replay is believed once the model is seen")
    func evicted() {
        let evicted = ServiceAnswer(status: 200, body: Array(#"{"error":"idempotent_replay_evicted"}"#.utf8))
        for (status, accepted) in [(200, true), (404, false), (500, false)] {
            var conversation = conversation()
            _ = conversation.post()
            #expect(conversation.posted(evicted) == .readModel)
            #expect(outcome(conversation.modelRead(ServiceAnswer(status: status)))?.isAccepted == accepted)
        }
    }

    @Test("any body of any status ends in a verdict")
    func strangeBodies() {
        let bodies = [
            "", "null", "[]", "7", #"{"detail":null}"#, #"{"detail":[1]}"#, #"{"detail":{"error":7}}"#, "\u{0}",
        ]
        for status in [200, 201, 204, 301, 400, 401, 403, 405, 409, 413, 422, 429, 500, 503] {
            for body in bodies {
                let verdict = PostVerdict(ServiceAnswer(status: status, body: Array(body.utf8)), file: "f", size: 1)
                switch verdict {
                case .created: #expect(status == 201)
                case .unchanged, .replayEvicted: #expect(status == 200)
                case .transient: #expect([429, 503].contains(status))
                case .refused(let annotation): #expect(annotation.level == .error && !annotation.message.isEmpty)
                }
            }
        }
    }
}
