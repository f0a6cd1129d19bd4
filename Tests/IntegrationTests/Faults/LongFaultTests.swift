import Glibc
import Testing

extension Integration {
    /// What the short form leaves out.
    @Suite("faults, long", .serialized, FaultStage()) struct LongFaults {
        @Test("with forty clips waiting no worker of one slot holds a message that it does not work on")
        func fortyClips() async throws {
            try await Faults.BackPressure.expectHeldIsWorkedOn(clips: 40, processed: 40)
        }

        @Test("a worker whose ffmpeg ends while it sleeps past its lease publishes nothing when it wakes")
        func finishedAsleep() async throws { try await Faults.Pauses.sleepPastTheLease(itsFFmpegEndsMeanwhile: true) }

        @Test("an ffmpeg that is killed alone costs one attempt and a wait")
        func ffmpeg() async throws {
            let api = try Stage.current.api
            let database = try Faults.database
            let player = try await api.signUp()
            try await Faults.withWorker { worker in
                let id = try await api.upload(try await Clips.shared().long, by: player)
                for encoder in try await Faults.encoders(of: worker) { kill(encoder, SIGKILL) }
                try await Faults.expectProcessedOnce(id, by: player)
                #expect(
                    try await database.events(of: id) == ["uploaded", "claimed", "retried", "claimed", "processed"])
            }
        }

        @Suite("a full store, long", CrampedNode()) struct LongFullStore {
            @Test("a clip that was made but finds no room is handed back, and is published when there is room")
            func result() async throws { try await Faults.FullDisks.expectHandedBack(whileFull: "objects") }
        }
    }
}
