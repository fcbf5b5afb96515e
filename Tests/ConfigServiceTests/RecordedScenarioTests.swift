import Testing

@Suite("Recorded scenarios")
struct RecordedScenarioTests {
    @Test("the recordings are there, and every scenario is either replayed or listed with a reason")
    func coverage() {
        #expect(RecordedScenario.all.count == 47)
        let names = Set(RecordedScenario.all.map(\.name))
        #expect(RecordedScenario.notCovered.keys.allSatisfy(names.contains))
    }

    @Test(
        "the service answers, stores and announces what was recorded",
        arguments: RecordedScenario.all.filter { RecordedScenario.notCovered[$0.name] == nil })
    func replay(_ scenario: RecordedScenario) async throws {
        let replay = try await ScenarioReplay(scenario)
        for step in scenario.steps {
            for problem in try await replay.perform(step) where ["must", "default"].contains(step.level) {
                if let accepted = RecordedScenario.accepted[step.id],
                    accepted.difference.isEmpty || problem.contains(accepted.difference)
                {
                    continue
                }
                Issue.record("\(step.id): \(problem)")
            }
        }
    }
}
