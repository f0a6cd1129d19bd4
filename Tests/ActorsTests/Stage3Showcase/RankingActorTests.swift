import Actors
import FoundationEssentials
import Testing

struct RankingActorTests {
    private typealias Stage = RankingStage

    @Test("a page is an array of objects with exactly city, position, username and votes")
    func json() throws {
        let stage = Stage()
        let player = RankedPlayer(id: id(1), username: "ana/\"x\"", city: "Bogotá")
        stage.snapshot.set(RankingSnapshot(tallies: [PlayerTally(player: player, votes: 3)], positions: [:]))
        let ranking = stage.ranking()
        #expect(try !stage.world.value { await ranking.isReady })
        stage.world.start { await ranking.run() }
        #expect(try stage.world.value { await ranking.isReady })
        let page = try stage.world.value { await ranking.page(RankingQuery(city: nil, skip: 0, limit: 10)) }
        #expect(
            String(decoding: page.body.bytes, as: UTF8.self)
                == #"[{"city":"Bogotá","position":1,"username":"ana/\"x\"","votes":3}]"#)
        #expect(page.total == 1)
        let none = try stage.world.value { await ranking.page(RankingQuery(city: FoldedText("x"), skip: 0, limit: 10)) }
        #expect(String(decoding: none.body.bytes, as: UTF8.self) == "[]")
        #expect(none.total == 0)
    }

    @Test("an own vote is shown before the wait for it returns")
    func ownVote() throws {
        let stage = Stage()
        let ranking = stage.ranking()
        stage.world.start { await ranking.run() }
        ranking.ownDeltas.send(OwnDelta(delta: Stage.delta(1), previous: 0))
        let seen = stage.world.start {
            await ranking.reached(1, of: Stage.lane)
            return await ranking.page(RankingQuery(city: nil, skip: 0, limit: 10)).total
        }
        #expect(seen.value == 1)
        let late = stage.world.start { await ranking.reached(1, of: Stage.lane) }
        #expect(late.isOver)
    }

    @Test("own votes within one interval wait for one generation")
    func generations() throws {
        let stage = Stage()
        let ranking = stage.ranking()
        stage.world.start { await ranking.run() }
        ranking.ownDeltas.send(OwnDelta(delta: Stage.delta(1), previous: 0))
        stage.world.settle()
        ranking.ownDeltas.send(OwnDelta(delta: Stage.delta(2), previous: 1))
        let second = stage.world.start { await ranking.reached(2, of: Stage.lane) }
        #expect(!second.isOver)
        #expect(try stage.total(ranking) == 1)
        stage.world.advance(.milliseconds(49))
        #expect(!second.isOver)
        stage.world.advance(.milliseconds(1))
        #expect(second.isOver)
        #expect(try stage.total(ranking) == 2)
    }

    @Test("one number that comes by the feed and by the own lane counts once, whichever is first")
    func once() throws {
        for isFeedFirst in [true, false] {
            let stage = Stage()
            let ranking = stage.ranking()
            stage.world.start { await ranking.run() }
            if isFeedFirst {
                stage.feed.set([Stage.delta(1)])
                stage.world.advance(.seconds(1))
                ranking.ownDeltas.send(OwnDelta(delta: Stage.delta(1), previous: 0))
            } else {
                ranking.ownDeltas.send(OwnDelta(delta: Stage.delta(1), previous: 0))
                stage.world.settle()
                // A feed that repeats what is known already.
                stage.feed.set([Stage.delta(1)])
            }
            stage.world.advance(.seconds(3))
            #expect(try stage.total(ranking) == 1)
        }
    }

    @Test("an own delta that does not follow the last one is left to the feed, which is looked at at once")
    func gap() throws {
        let stage = Stage()
        let ranking = stage.ranking()
        stage.world.start { await ranking.run() }
        stage.world.settle()
        let looks = stage.looks.value
        stage.feed.set([Stage.delta(1, votes: 10), Stage.delta(3, votes: 1)])
        ranking.ownDeltas.send(OwnDelta(delta: Stage.delta(3), previous: 1))
        stage.world.settle()
        #expect(stage.looks.value == looks + 1)
        #expect(try stage.total(ranking) == 11)
    }

    @Test("votes of other nodes are found by the timer")
    func timer() throws {
        let stage = Stage()
        let ranking = stage.ranking()
        stage.world.start { await ranking.run() }
        stage.feed.set([Stage.delta(1, of: Stage.other), Stage.delta(2, of: Stage.other, player: 2, votes: 5)])
        #expect(try stage.total(ranking) == 0)
        stage.world.advance(.seconds(1))
        #expect(try stage.shown(ranking).map(\.username) == ["p02", "p01"])
    }

    @Test("a feed that was cut by a limit is read on at once")
    func more() throws {
        var stage = Stage()
        let (feed, looks) = (stage.feed, stage.looks)
        stage.votes.onDeltas = { positions in
            looks.change { $0 += 1 }
            let fresh = feed.value.filter { $0.number > positions[$0.writer, default: 0] }
            return .deltas(Array(fresh.prefix(2)), more: fresh.count > 2)
        }
        let ranking = stage.ranking()
        stage.world.start { await ranking.run() }
        feed.set((1...7).map { Stage.delta($0, of: Stage.other) })
        stage.world.advance(.seconds(1))
        stage.world.advance(RankingActor.generationInterval)
        #expect(try stage.total(ranking) == 7)
        #expect(looks.value == 4)
    }

    @Test("a reader that was left behind by pruning loads anew")
    func behind() throws {
        var stage = Stage()
        let isBehind = Box(false)
        stage.votes.onDeltas = { _ in isBehind.value ? .behind : .deltas([], more: false) }
        let ranking = stage.ranking()
        stage.world.start { await ranking.run() }
        let player = RankedPlayer(id: id(1), username: "ana", city: "Cali")
        stage.snapshot.set(
            RankingSnapshot(tallies: [PlayerTally(player: player, votes: 8)], positions: [Stage.other: 70]))
        isBehind.set(true)
        stage.world.advance(.milliseconds(1000))
        #expect(stage.snapshots.value == 2)
        #expect(try stage.total(ranking) == 8)
        let known = stage.world.start { await ranking.reached(70, of: Stage.other) }
        #expect(known.isOver)
    }

    @Test("a player who was erased meanwhile has no votes, and their batch is not waited for")
    func erased() throws {
        var stage = Stage()
        stage.votes.onPlayers = { _ in [] }
        let ranking = stage.ranking()
        stage.world.start { await ranking.run() }
        ranking.ownDeltas.send(OwnDelta(delta: Stage.delta(1), previous: 0))
        let wait = stage.world.start { await ranking.reached(1, of: Stage.lane) }
        #expect(wait.isOver)
        #expect(try stage.shown(ranking).isEmpty)
    }

    @Test("the last generation is served while the database is away, and what was missed comes later")
    func databaseAway() throws {
        var stage = Stage()
        let isAway = Box(true)
        let feed = stage.feed
        stage.votes.onDeltas = { positions throws(RepositoryError) in
            if isAway.value { throw away }
            return .deltas(feed.value.filter { $0.number > positions[$0.writer, default: 0] }, more: false)
        }
        let player = RankedPlayer(id: id(1), username: "ana", city: "Cali")
        stage.snapshot.set(RankingSnapshot(tallies: [PlayerTally(player: player, votes: 8)], positions: [:]))
        let ranking = stage.ranking()
        stage.world.start { await ranking.run() }
        feed.set([Stage.delta(1)])
        stage.world.advance(.seconds(5))
        #expect(try stage.total(ranking) == 8)
        isAway.set(false)
        stage.world.advance(.seconds(1))
        #expect(try stage.total(ranking) == 9)
    }

    @Test("a start without the database tries until it loads")
    func lateStart() throws {
        var stage = Stage()
        let replies = Replies<Result<RankingSnapshot, RepositoryError>>(
            .failure(away), .failure(away), .success(RankingSnapshot(tallies: [], positions: [:])))
        stage.votes.onSnapshot = { () throws(RepositoryError) in try replies.next().get() }
        let ranking = stage.ranking()
        stage.world.start { await ranking.run() }
        #expect(try !stage.world.value { await ranking.isReady })
        stage.world.advance(.seconds(5))
        #expect(try stage.world.value { await ranking.isReady })
    }

    @Test("a stopping actor releases whoever waits, and keeps nobody who comes later")
    func stop() {
        let stage = Stage()
        let ranking = stage.ranking()
        let run = stage.world.start { await ranking.run() }
        let waiter = stage.world.start { await ranking.reached(9, of: Stage.lane) }
        #expect(!waiter.isOver)
        run.cancel()
        stage.world.settle()
        #expect(run.isOver && waiter.isOver)
        #expect(stage.world.start { await ranking.reached(9, of: Stage.lane) }.isOver)
    }
}
