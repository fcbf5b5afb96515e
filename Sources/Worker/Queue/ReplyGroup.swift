import Wire

/// Results that may share a message, because the same gateway waits for all of them.
package struct ReplyGroup: Sendable, Equatable {
    /// The inbox of the first. A gateway takes what comes to any of its inboxes.
    package var reply: String
    package var results: [WorkResult]

    package init(reply: String, results: [WorkResult]) {
        self.reply = reply
        self.results = results
    }

    /// The answers in their order, by the gateway they go to; those that go nowhere are left out. What has a reply subject
    /// of its own making is alone with others of the very same.
    package static func groups(of answers: [BatchAnswers.Answer]) -> [ReplyGroup] {
        var names: [Substring] = []
        var groups: [ReplyGroup] = []
        for answer in answers {
            guard let reply = answer.reply, !reply.isEmpty else { continue }
            let name = Subjects.gateway(ofReply: reply, request: answer.result.requestID) ?? reply[...]
            if let index = names.firstIndex(of: name) {
                groups[index].results.append(answer.result)
            } else {
                names.append(name)
                groups.append(ReplyGroup(reply: reply, results: [answer.result]))
            }
        }
        return groups
    }
}
